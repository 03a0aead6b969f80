// A domain's records, each of them right, and each of them wrong.
#include "engine/sender_dns/domain_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/sender_dns/dkim_key_record.h"
#include "engine/sender_dns/spf_macro.h"
#include "tests/support/zone_source.h"
#include "tests/unit/sender_dns/keys.h"

namespace sluice::sender_dns {
namespace {

using sluice::testing::ZoneSource;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DomainCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    facts_.addresses = {*parse_ip("192.0.2.25"), *parse_ip("2001:db8::25")};
    facts_.keys = {{.selector = "r1", .key = rsa_key()}, {.selector = "e1", .key = ed25519_key()}};
    zone_.add_address("mx.example.com", "198.51.100.1");
    for (const std::string_view ip : {"192.0.2.25", "2001:db8::25"}) {
      zone_.add_name(reverse_name(*parse_ip(ip)), "out.isp.example");
      zone_.add_address("out.isp.example", ip);
    }
  }
  void add_spf(std::string_view text = "v=spf1 ip4:192.0.2.25 ip6:2001:db8::/64 -all") {
    zone_.add_text("example.com", text);
  }
  void add_keys() {
    zone_.add_text("r1._domainkey.example.com", dkim_key_record(rsa_key()));
    zone_.add_alias("e1._domainkey.example.com", "e1.example-com.dkim.isp.example");
    zone_.add_text("e1.example-com.dkim.isp.example", dkim_key_record(ed25519_key()));
  }
  void add_dmarc(std::string_view text = "v=DMARC1; p=reject") { zone_.add_text("_dmarc.example.com", text); }
  void add_mx() { zone_.add_mx("example.com", 10, "mx.example.com"); }
  void add_all() {
    add_spf();
    add_keys();
    add_dmarc();
    add_mx();
  }
  DomainReport check(const std::string& domain = "example.com") {
    RememberedDns dns(zone_);
    return check_domain(domain, facts_, dns);
  }
  // The finding about that record.
  Finding find(std::string_view record, const std::string& domain = "example.com") {
    const DomainReport report = check(domain);
    const auto found = std::ranges::find(report.findings, record, &Finding::record);
    EXPECT_NE(found, report.findings.end()) << record;
    return found == report.findings.end() ? Finding{} : *found;
  }

  ZoneSource zone_;
  SendingFacts facts_;
};

TEST_F(DomainCheckTest, AllIsRight) {
  add_all();
  zone_.set_authenticated(true);
  const DomainReport report = check();
  EXPECT_EQ(report.verdict(), Verdict::right);
  ASSERT_EQ(report.findings.size(), 5U);
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.verdict, Verdict::right) << finding.record << ": " << finding.what;
    EXPECT_TRUE(finding.authenticated) << finding.record;
    EXPECT_EQ(finding.should_be, "");
  }
  EXPECT_THAT(report.findings[2].aliases, ElementsAre("e1.example-com.dkim.isp.example"));
  for (const ReceiverOpinion& opinion : report.receivers)
    EXPECT_EQ(opinion.takes_bulk, Answer::yes) << opinion.sentence;
}

TEST_F(DomainCheckTest, NothingIsThere) {
  const DomainReport report = check();
  ASSERT_EQ(report.findings.size(), 5U);
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.verdict, Verdict::missing) << finding.record;
    EXPECT_NE(finding.remedy, "");
  }
  EXPECT_EQ(report.findings[0].should_be, "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all");
  EXPECT_EQ(report.findings[1].should_be, dkim_key_record(rsa_key()));
  EXPECT_EQ(report.verdict(), Verdict::wrong);
}

TEST_F(DomainCheckTest, AnAddressIsNotInSpf) {
  add_spf("v=spf1 mx ip4:192.0.2.25 ~all");
  add_mx();
  const Finding spf = find("SPF");
  EXPECT_EQ(spf.verdict, Verdict::wrong);
  EXPECT_THAT(spf.what, HasSubstr("2001:db8::25: softfail, by \"~all\" of example.com"));
  EXPECT_EQ(spf.should_be, "v=spf1 ip6:2001:db8::25 mx ip4:192.0.2.25 ~all");
}

TEST_F(DomainCheckTest, SpfNeedsElevenLookUps) {
  std::string record = "v=spf1";
  for (int i = 0; i < 11; ++i) {
    zone_.add_text("s" + std::to_string(i) + ".example", "v=spf1 ip4:198.51.100.0/24");
    record += " include:s" + std::to_string(i) + ".example";
  }
  add_spf(record + " ip4:192.0.2.25 -all");
  const Finding spf = find("SPF");
  EXPECT_EQ(spf.verdict, Verdict::wrong);
  EXPECT_THAT(spf.what, HasSubstr("needs 11 look-ups"));
  EXPECT_THAT(spf.what, HasSubstr("include:s10.example of example.com"));
}

TEST_F(DomainCheckTest, AnAddressThatMatchesEarlyHidesTooManyLookUps) {
  std::string record = "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25";
  for (int i = 0; i < 11; ++i) record += " a:mx.example.com";
  add_spf(record + " -all");
  const Finding spf = find("SPF");
  EXPECT_EQ(spf.verdict, Verdict::right);
  EXPECT_THAT(spf.what, HasSubstr("needs 11 look-ups"));
}

TEST_F(DomainCheckTest, ThereAreTwoSpfRecords) {
  add_spf();
  add_spf("v=spf1 mx -all");
  const Finding spf = find("SPF");
  EXPECT_EQ(spf.verdict, Verdict::wrong);
  EXPECT_EQ(spf.there.size(), 2U);
  EXPECT_THAT(spf.remedy, HasSubstr("one record"));
}

TEST_F(DomainCheckTest, SpfIsMalformed) {
  add_spf("v=spf1 ipv4:192.0.2.25 -all");
  EXPECT_THAT(find("SPF").what, HasSubstr("\"ipv4:192.0.2.25\" is no mechanism"));
  facts_.addresses.clear();
  EXPECT_EQ(find("SPF").verdict, Verdict::wrong);
}

TEST_F(DomainCheckTest, ALookUpOfSpfFails) {
  add_spf("v=spf1 include:broken.example -all");
  zone_.fail("broken.example");
  EXPECT_EQ(find("SPF").verdict, Verdict::not_asked);
}

TEST_F(DomainCheckTest, TheCnameLeadsNowhere) {
  zone_.add_alias("r1._domainkey.example.com", "gone.isp.example");
  const Finding dkim = find("DKIM r1");
  EXPECT_EQ(dkim.verdict, Verdict::missing);
  EXPECT_THAT(dkim.what, HasSubstr("leads to gone.isp.example"));
}

TEST_F(DomainCheckTest, AKeyIsCutOffByTheProvider) {
  zone_.add_text("r1._domainkey.example.com", dkim_key_record(rsa_key()).substr(0, 255));
  const Finding dkim = find("DKIM r1");
  EXPECT_EQ(dkim.verdict, Verdict::wrong);
  EXPECT_THAT(dkim.what, HasSubstr("cut off"));
  EXPECT_THAT(dkim.remedy, HasSubstr("several strings"));
  EXPECT_EQ(dkim.should_be, dkim_key_record(rsa_key()));
}

TEST_F(DomainCheckTest, AKeyIsSplitIntoTwoRecords) {
  const std::string record = dkim_key_record(rsa_key());
  zone_.add_text("r1._domainkey.example.com", record.substr(0, 255));
  zone_.add_text("r1._domainkey.example.com", record.substr(255));
  EXPECT_THAT(find("DKIM r1").what, HasSubstr("2 TXT records"));
}

TEST_F(DomainCheckTest, Ed25519AloneIsNotEnoughForReceivers) {
  add_all();
  facts_.keys = {{.selector = "e1", .key = ed25519_key()}};
  for (const ReceiverOpinion& opinion : check().receivers) EXPECT_EQ(opinion.takes_bulk, Answer::no);
}

TEST_F(DomainCheckTest, NeitherSpfNorDkimAligns) {
  add_all();
  zone_.add_text("isp.example", "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all");
  zone_.add_text("r1._domainkey.isp.example", dkim_key_record(rsa_key()));
  zone_.add_text("e1._domainkey.isp.example", dkim_key_record(ed25519_key()));
  facts_.mail_from_domain = facts_.signing_domain = "isp.example";
  const Finding dmarc = find("DMARC");
  EXPECT_EQ(dmarc.verdict, Verdict::wrong);
  EXPECT_THAT(dmarc.what, HasSubstr("DKIM (d=isp.example) is not aligned"));
  for (const ReceiverOpinion& opinion : check().receivers) EXPECT_EQ(opinion.takes, Answer::no) << opinion.sentence;
}

TEST_F(DomainCheckTest, StrictAlignmentTakesNoParent) {
  add_spf();
  add_dmarc("v=DMARC1; p=none; aspf=s; adkim=s");
  facts_.mail_from_domain = "bounces.example.com";
  facts_.signing_domain = "mail.example.com";
  const Finding dmarc = find("DMARC");
  EXPECT_EQ(dmarc.verdict, Verdict::wrong);
  EXPECT_THAT(dmarc.remedy, HasSubstr("adkim="));
}

TEST_F(DomainCheckTest, TheRecordOfTheOrganizationHolds) {
  add_dmarc("v=DMARC1; p=none; sp=quarantine");
  zone_.add_text("shop.example.com", "v=spf1 -all");
  const Finding dmarc = find("DMARC", "shop.example.com");
  EXPECT_EQ(dmarc.verdict, Verdict::right);
  EXPECT_EQ(dmarc.name, "_dmarc.example.com");
  EXPECT_THAT(dmarc.what, HasSubstr("the policy is quarantine"));
}

TEST_F(DomainCheckTest, DmarcIsMalformedOrThereTwice) {
  add_dmarc("v=DMARC1; p=rejct");
  EXPECT_EQ(find("DMARC").verdict, Verdict::wrong);
  add_dmarc("v=DMARC1; p=none");
  EXPECT_THAT(find("DMARC").what, HasSubstr("2 records"));
}

TEST_F(DomainCheckTest, MxIsNullOrHasNoAddress) {
  zone_.add_mx("example.com", 0, "");
  Finding mx = find("MX");
  EXPECT_EQ(mx.verdict, Verdict::wrong);
  EXPECT_THAT(mx.what, HasSubstr("null MX"));
  zone_.add_mx("example.com", 10, "gone.example.com");
  mx = find("MX");
  EXPECT_THAT(mx.what, HasSubstr("gone.example.com"));
  zone_.add_address("only.example", "198.51.100.2");
  EXPECT_EQ(find("MX", "only.example").verdict, Verdict::right);
}

TEST_F(DomainCheckTest, TheNameOfAnAddressLeadsBackToIt) {
  add_all();
  const auto gmail = [this] { return check().receivers[0]; };
  EXPECT_EQ(gmail().takes, Answer::yes);
  facts_.addresses.push_back(*parse_ip("192.0.2.26"));
  EXPECT_EQ(gmail().takes, Answer::no) << "it has no name";
  zone_.add_name("26.2.0.192.in-addr.arpa", "out.isp.example");
  EXPECT_THAT(gmail().sentence, HasSubstr("192.0.2.26 has no name")) << "the name is that of others";
  zone_.add_name("26.2.0.192.in-addr.arpa", "second.isp.example");
  zone_.fail("second.isp.example");
  EXPECT_EQ(gmail().takes, Answer::unknown);
  zone_.add_address("second.isp.example", "192.0.2.26");
  EXPECT_EQ(gmail().takes, Answer::yes);
  EXPECT_EQ(check().verdict(), Verdict::wrong) << "SPF does not name it; its name is no part of the domain's records";
}

TEST_F(DomainCheckTest, WhatFailsIsNotCalledWrong) {
  for (const std::string_view name :
       {"example.com", "r1._domainkey.example.com", "e1._domainkey.example.com", "_dmarc.example.com"})
    zone_.fail(name);
  const DomainReport report = check();
  for (const Finding& finding : report.findings) EXPECT_EQ(finding.verdict, Verdict::not_asked) << finding.record;
  EXPECT_EQ(report.verdict(), Verdict::not_asked);
  for (const ReceiverOpinion& opinion : report.receivers) EXPECT_EQ(opinion.takes_bulk, Answer::unknown);
}

}  // namespace
}  // namespace sluice::sender_dns
