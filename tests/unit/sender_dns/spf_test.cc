// check_host() of RFC 7208.  The openspf project's whole suite is held against it by tests/interop/spf_suite.py.
#include "engine/sender_dns/spf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/zone_source.h"

namespace sluice::sender_dns {
namespace {

using sluice::testing::ZoneSource;
using ::testing::HasSubstr;

class SpfTest : public ::testing::Test {
 protected:
  // RFC 7208 A.
  void SetUp() override {
    zone_.add_mx("example.com", 10, "mail-a.example.com");
    zone_.add_mx("example.com", 20, "mail-b.example.com");
    zone_.add_address("example.com", "192.0.2.10");
    zone_.add_address("example.com", "192.0.2.11");
    zone_.add_address("amy.example.com", "192.0.2.65");
    zone_.add_address("bob.example.com", "192.0.2.66");
    zone_.add_address("mail-a.example.com", "192.0.2.129");
    zone_.add_address("mail-b.example.com", "192.0.2.130");
    zone_.add_mx("example.org", 10, "mail-c.example.org");
    zone_.add_address("mail-c.example.org", "192.0.2.140");
    zone_.add_name("10.2.0.192.in-addr.arpa", "example.com");
    zone_.add_name("65.2.0.192.in-addr.arpa", "amy.example.com");
    zone_.add_name("140.2.0.192.in-addr.arpa", "mail-c.example.org");
    zone_.add_name("4.0.0.10.in-addr.arpa", "bob.example.com");
  }

  SpfOutcome check(std::string_view ip, const std::string& domain = "example.com") {
    RememberedDns dns(zone_);
    return check_spf({.address = *parse_ip(ip), .domain = domain, .sender = "user@" + domain, .helo = "h.example"},
                     dns);
  }
  SpfResult of(std::string_view record, std::string_view ip) {
    const std::string domain = "d" + std::to_string(made_++) + ".example.com";
    zone_.add_text(domain, record);
    return check(ip, domain).result;
  }

  ZoneSource zone_;
  int made_ = 0;
};

// RFC 7208 A.1, with the domain named.
TEST_F(SpfTest, FollowsTheExamplesOfTheRfc) {
  EXPECT_EQ(of("v=spf1 +all", "198.51.100.1"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 a:example.com -all", "192.0.2.10"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 a:example.com -all", "192.0.2.12"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 a:example.org -all", "192.0.2.10"), SpfResult::fail);  // no A record there
  EXPECT_EQ(of("v=spf1 mx:example.com -all", "192.0.2.130"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 mx:example.org -all", "192.0.2.140"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 mx:example.com mx:example.org -all", "192.0.2.140"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 mx:example.com/30 mx:example.org/30 -all", "192.0.2.131"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 mx:example.com/30 mx:example.org/30 -all", "192.0.2.143"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 mx:example.com/30 mx:example.org/30 -all", "192.0.2.144"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 ptr:example.com -all", "192.0.2.10"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 ptr:example.com -all", "192.0.2.65"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 ptr:example.com -all", "192.0.2.140"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 ptr:example.com -all", "10.0.0.4"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129"), SpfResult::pass);
}

TEST_F(SpfTest, SaysWhichTermOfWhoseRecordDecided) {
  zone_.add_text("customer.example", "v=spf1 include:spf.isp.example -all");
  zone_.add_text("spf.isp.example", "v=spf1 ip4:192.0.2.0/24");
  SpfOutcome outcome = check("192.0.2.1", "customer.example");
  EXPECT_EQ(outcome.result, SpfResult::pass);
  EXPECT_EQ(outcome.decided_by.term, "include:spf.isp.example");
  EXPECT_EQ(outcome.decided_by.domain, "customer.example");
  outcome = check("198.51.100.1", "customer.example");
  EXPECT_EQ(outcome.result, SpfResult::fail);
  EXPECT_EQ(outcome.decided_by.term, "-all");
  ASSERT_EQ(outcome.asked.size(), 1U);
}

TEST_F(SpfTest, StopsBehindTenLookUps) {
  std::string record = "v=spf1";
  for (int i = 0; i < 11; ++i) {
    zone_.add_address("h" + std::to_string(i) + ".example", "198.51.100.1");
    record += " a:h" + std::to_string(i) + ".example";
  }
  zone_.add_text("eleven.example", record + " ip4:192.0.2.1 -all");
  const SpfOutcome outcome = check("192.0.2.1", "eleven.example");
  EXPECT_EQ(outcome.result, SpfResult::permerror);
  EXPECT_THAT(outcome.reason, HasSubstr("a:h10.example"));
  EXPECT_EQ(outcome.asked.size(), 11U);
  EXPECT_EQ(check("198.51.100.1", "eleven.example").result, SpfResult::pass);
}

TEST_F(SpfTest, EndsWhereRecordsGoRound) {
  zone_.add_text("a.round.example", "v=spf1 include:b.round.example -all");
  zone_.add_text("b.round.example", "v=spf1 redirect=a.round.example");
  EXPECT_EQ(check("192.0.2.1", "a.round.example").result, SpfResult::permerror);
  EXPECT_LE(zone_.asked().size(), 2U);  // each question once
}

TEST_F(SpfTest, TwoLookUpsMayFindNothing) {
  EXPECT_EQ(of("v=spf1 a:n1.example a:n2.example ip4:192.0.2.1 -all", "192.0.2.1"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 a:n1.example a:n2.example a:n3.example ip4:192.0.2.1 -all", "192.0.2.1"), SpfResult::permerror);
  EXPECT_EQ(of("v=spf1 exists:n1.example mx:n2.example a:n3.example -all", "192.0.2.1"), SpfResult::permerror);
}

TEST_F(SpfTest, ALimitOfMxHostsIsAnErrorAndOneOfNamesIsNot) {
  for (int i = 0; i < 11; ++i) {
    zone_.add_mx("many.example", 10, "mail-a.example.com");
    zone_.add_name("1.100.51.198.in-addr.arpa", "bob.example.com");
  }
  zone_.add_name("1.100.51.198.in-addr.arpa", "late.example.com");
  zone_.add_address("late.example.com", "198.51.100.1");
  EXPECT_EQ(of("v=spf1 mx:many.example -all", "192.0.2.129"), SpfResult::permerror);
  EXPECT_EQ(of("v=spf1 ptr:example.com -all", "198.51.100.1"), SpfResult::fail);
}

TEST_F(SpfTest, FailingLookUpsAreNoAnswer) {
  zone_.fail("broken.example");
  EXPECT_EQ(check("192.0.2.1", "broken.example").result, SpfResult::temperror);
  EXPECT_EQ(of("v=spf1 a:broken.example -all", "192.0.2.1"), SpfResult::temperror);
  EXPECT_EQ(of("v=spf1 include:broken.example -all", "192.0.2.1"), SpfResult::temperror);
  EXPECT_EQ(of("v=spf1 mx:broken.example -all", "192.0.2.1"), SpfResult::temperror);
  EXPECT_EQ(of("v=spf1 exists:broken.example -all", "192.0.2.1"), SpfResult::temperror);
}

TEST_F(SpfTest, NoDomainHasNoResult) {
  for (const std::string domain : {"localhost", "", "a..example", "[192.0.2.1]", "example."})
    EXPECT_EQ(check("192.0.2.1", domain).result, SpfResult::none) << domain;
  EXPECT_TRUE(zone_.asked().empty());
}

TEST_F(SpfTest, AMappedAddressIsTheIPv4Address) {
  EXPECT_EQ(of("v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 ip6:::ffff:192.0.2.1 -all", "::ffff:192.0.2.1"), SpfResult::fail);
  EXPECT_EQ(of("v=spf1 ip6:2001:db8::/33 -all", "2001:db8:7fff::1"), SpfResult::pass);
  EXPECT_EQ(of("v=spf1 ip6:2001:db8::/33 -all", "2001:db8:8000::1"), SpfResult::fail);
}

TEST_F(SpfTest, ExplainsAFailureByTheRecordThatFails) {
  zone_.add_text("why.example.com", "%{i} is not one of %{d}'s mail servers");
  zone_.add_text("bad.example.com", "%{");
  EXPECT_EQ(of("v=spf1 exp=why.example.com -all", "192.0.2.1"), SpfResult::fail);
  EXPECT_EQ(check("192.0.2.1", "d0.example.com").explanation, "192.0.2.1 is not one of d0.example.com's mail servers");
  of("v=spf1 exp=bad.example.com -all", "192.0.2.1");
  EXPECT_EQ(check("192.0.2.1", "d1.example.com").explanation, "");
  of("v=spf1 exp=why.example.com ~all", "192.0.2.1");
  EXPECT_EQ(check("192.0.2.1", "d2.example.com").explanation, "");
}

TEST(RememberedDnsTest, AsksOnceAndWithinItsBound) {
  ZoneSource zone;
  RememberedDns dns(zone);
  for (std::size_t i = 0; i < kQuestionsMax + 10; ++i) dns.ask("n" + std::to_string(i) + ".example", io::DnsType::a);
  EXPECT_EQ(zone.asked().size(), kQuestionsMax);
  EXPECT_EQ(dns.ask("N1.example.", io::DnsType::a).status, io::DnsStatus::no_such_name);
  EXPECT_EQ(dns.ask("other.example", io::DnsType::a).status, io::DnsStatus::failed);
  EXPECT_EQ(zone.asked().size(), kQuestionsMax);
}

}  // namespace
}  // namespace sluice::sender_dns
