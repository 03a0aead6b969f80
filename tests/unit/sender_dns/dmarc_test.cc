// DMARC's records, the walk up the tree, and alignment (RFC 9989).
#include "engine/sender_dns/dmarc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/zone_source.h"

namespace sluice::sender_dns {
namespace {

using sluice::testing::ZoneSource;
using ::testing::ElementsAre;

TEST(DmarcRecordTest, BeginsWithItsVersion) {
  for (const std::string_view text : {"v=DMARC1", "v=DMARC1;p=none", "v = DMARC1 ; p=none"})
    EXPECT_TRUE(is_dmarc_record(text)) << text;
  for (const std::string_view text : {"", "v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC10; p=none", "v=spf1 -all"})
    EXPECT_FALSE(is_dmarc_record(text)) << text;
}

TEST(DmarcRecordTest, HasItsTags) {
  const auto record = parse_dmarc_record(
      "v=DMARC1; p=Reject; sp=quarantine; np=none; adkim=s; aspf=r; psd=n; t=y; rua=mailto:d@example.com; pct=50; x=y");
  ASSERT_TRUE(record) << record.error();
  EXPECT_EQ(record->policy, DmarcPolicy::reject);
  EXPECT_EQ(record->subdomain, DmarcPolicy::quarantine);
  EXPECT_EQ(record->missing, DmarcPolicy::none);
  EXPECT_TRUE(record->strict_dkim);
  EXPECT_FALSE(record->strict_spf);
  EXPECT_EQ(record->psd, DmarcPsd::no);
  EXPECT_TRUE(record->testing);
  EXPECT_TRUE(record->reports);
  EXPECT_THAT(record->ignored, ElementsAre("pct="));
}

TEST(DmarcRecordTest, WithoutAPolicyItCountsWhereReportsAreAskedFor) {
  const auto reported = parse_dmarc_record("v=DMARC1; p=monitor; rua=mailto:d@example.com");
  ASSERT_TRUE(reported);
  EXPECT_EQ(reported->policy, std::nullopt);
  EXPECT_THAT(reported->ignored, ElementsAre("p=monitor"));
  EXPECT_FALSE(parse_dmarc_record("v=DMARC1; p=monitor"));
  EXPECT_FALSE(parse_dmarc_record("v=DMARC1; p=none; p=reject"));
  EXPECT_FALSE(parse_dmarc_record("v=DMARC1; none"));
}

class DmarcTest : public ::testing::Test {
 protected:
  DmarcWalk walk(const std::string& domain) { return walk_dmarc_tree(domain, zone_); }
  std::vector<std::string> asked() const {
    std::vector<std::string> names;
    for (const ZoneSource::Question& question : zone_.asked()) names.push_back(question.name);
    return names;
  }
  ZoneSource zone_;
};

// RFC 9989 4.10: eight questions at most, whatever the name.
TEST_F(DmarcTest, WalksUpInEightQuestions) {
  walk("a.b.c.d.e.f.g.h.i.j.mail.example.com");
  EXPECT_THAT(asked(),
              ElementsAre("_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com",
                          "_dmarc.h.i.j.mail.example.com", "_dmarc.i.j.mail.example.com", "_dmarc.j.mail.example.com",
                          "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"));
}

TEST_F(DmarcTest, TheShortestNameWithARecordIsTheOrganization) {
  zone_.add_text("_dmarc.example.com", "v=DMARC1; p=reject; sp=quarantine; np=none");
  zone_.add_text("_dmarc.mail.example.com", "v=DMARC1; p=none");
  DmarcWalk found = walk("mail.example.com");
  EXPECT_EQ(found.organizational, "example.com");
  EXPECT_EQ(applied_record("mail.example.com", found, true).policy, DmarcPolicy::none);
  found = walk("shop.example.com");
  EXPECT_EQ(applied_record("shop.example.com", found, true).policy, DmarcPolicy::quarantine);
  EXPECT_EQ(applied_record("shop.example.com", found, false).policy, DmarcPolicy::none);
  EXPECT_EQ(walk("example.com").organizational, "example.com");
  EXPECT_EQ(walk("other.example").organizational, "other.example");
}

TEST_F(DmarcTest, APublicSuffixHasItsOrganizationsBelow) {
  zone_.add_text("_dmarc.bank.example", "v=DMARC1; p=reject; psd=y; sp=quarantine; np=reject");
  DmarcWalk found = walk("mail.giant.bank.example");
  EXPECT_EQ(found.organizational, "giant.bank.example");
  EXPECT_EQ(applied_record("mail.giant.bank.example", found, true).policy, DmarcPolicy::quarantine);
  EXPECT_EQ(applied_record("mail.giant.bank.example", found, false).policy, DmarcPolicy::reject);
  zone_.add_text("_dmarc.part.giant.bank.example", "v=DMARC1; p=none; psd=n");
  found = walk("mail.part.giant.bank.example");
  EXPECT_EQ(found.organizational, "part.giant.bank.example");
}

TEST_F(DmarcTest, TestingTakesOneStepLess) {
  zone_.add_text("_dmarc.example.com", "v=DMARC1; p=reject; t=y");
  EXPECT_EQ(applied_record("example.com", walk("example.com"), true).policy, DmarcPolicy::quarantine);
}

TEST_F(DmarcTest, TwoRecordsAreNone) {
  zone_.add_text("_dmarc.example.com", "v=DMARC1; p=reject");
  zone_.add_text("_dmarc.example.com", "v=DMARC1; p=none");
  const DmarcWalk found = walk("example.com");
  ASSERT_EQ(found.steps.size(), 1U);
  EXPECT_EQ(found.steps[0].texts.size(), 2U);
  EXPECT_EQ(applied_record("example.com", found, true).step, nullptr);
}

TEST_F(DmarcTest, AFailedQuestionEndsTheWalk) {
  zone_.fail("_dmarc.example.com");
  EXPECT_NE(walk("mail.example.com").error, "");
}

TEST_F(DmarcTest, AlignsByOrganizationOrByName) {
  zone_.add_text("_dmarc.example.com", "v=DMARC1; p=none");
  const DmarcWalk author = walk("example.com");
  const auto aligned = [&](const std::string& identifier, bool strict) {
    return is_aligned(identifier, "example.com", strict, author, zone_);
  };
  EXPECT_EQ(aligned("example.com", true), true);
  EXPECT_EQ(aligned("mail.example.com", false), true);
  EXPECT_EQ(aligned("mail.example.com", true), false);
  EXPECT_EQ(aligned("example.net", false), false);
  zone_.fail("_dmarc.broken.example");
  EXPECT_FALSE(aligned("broken.example", false));
}

}  // namespace
}  // namespace sluice::sender_dns
