// The record by which a customer proves a domain, right and in each way wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/sender_dns/domain_check.h"
#include "tests/support/zone_source.h"

namespace sluice::sender_dns {
namespace {

using sluice::testing::ZoneSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kProofName = "_isp-challenge.example.com";

Finding proof_in(ZoneSource& zone) { return check_proof_record("example.com", "_isp-challenge", "0a1b", zone); }

TEST(ProofFinding, IsRightBesideOthersAndWithBlanksAtItsEnds) {
  ZoneSource zone;
  zone.add_text(kProofName, "token=ffff");
  zone.add_text(kProofName, " token=0a1b\t");
  zone.set_authenticated(true);
  const Finding finding = proof_in(zone);
  EXPECT_EQ(finding.verdict, Verdict::right);
  EXPECT_EQ(finding.record, "proof");
  EXPECT_EQ(finding.name, kProofName);
  EXPECT_EQ(finding.should_be, "");
  EXPECT_TRUE(finding.authenticated);
  ASSERT_EQ(zone.asked().size(), 1U);
}

TEST(ProofFinding, IsMissingWithWhatShouldBeThere) {
  ZoneSource zone;
  const Finding finding = proof_in(zone);
  EXPECT_EQ(finding.verdict, Verdict::missing);
  EXPECT_EQ(finding.should_be, "token=0a1b");
  EXPECT_NE(finding.remedy, "");
}

TEST(ProofFinding, AnotherTokenOrMoreThanTheTokenIsWrong) {
  for (const std::string_view text :
       {"token=ffff", "token=0a1b2", "token=0a1", "TOKEN=0A1B", "0a1b", "token=0a1b token=0a1b", "token=", ""}) {
    ZoneSource zone;
    zone.add_text(kProofName, text);
    const Finding finding = proof_in(zone);
    EXPECT_EQ(finding.verdict, Verdict::wrong) << text;
    EXPECT_THAT(finding.there, ElementsAre(std::string(text)));
  }
}

TEST(ProofFinding, WhereTheNameServerFailsNothingIsKnown) {
  ZoneSource zone;
  zone.fail(kProofName);
  const Finding finding = proof_in(zone);
  EXPECT_EQ(finding.verdict, Verdict::not_asked);
  EXPECT_THAT(finding.what, HasSubstr("SERVFAIL"));
}

// "*.example.com CNAME shop.hosting.example", where anybody may have what shop.hosting.example says.
TEST(ProofFinding, ATokenBehindACnameProvesNothing) {
  ZoneSource zone;
  zone.add_alias(kProofName, "shop.hosting.example");
  zone.add_text("shop.hosting.example", "token=0a1b");
  const Finding finding = proof_in(zone);
  EXPECT_EQ(finding.verdict, Verdict::wrong);
  EXPECT_THAT(finding.what, HasSubstr("a CNAME leads to shop.hosting.example"));
}

}  // namespace
}  // namespace sluice::sender_dns
