#include "engine/domain_keys/dns_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::domain_keys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

auth::SigningKeyRecord key(const std::string& selector, const std::string& public_key,
                           auth::KeyState state = auth::KeyState::active) {
  return {.domain = "example.com",
          .selector = selector,
          .algorithm = selector.ends_with('e') ? "ed25519-sha256" : "rsa-sha256",
          .state = state,
          .public_key = public_key};
}

RecordRules with_zone() {
  return {.selector_prefix = "sl", .zone = "dkim.isp.example", .spf_include = "spf.isp.example", .ttl_s = 300};
}

std::vector<std::string> lines(const std::vector<PublishedRecord>& records) {
  std::vector<std::string> all;
  for (const PublishedRecord& record : records)
    all.push_back(record.purpose + " " + record.name + " " + record.type + " " + record.value);
  return all;
}

TEST(DnsRecords, WithAZoneTheCustomerPublishesACnameForEachSlotOnce) {
  const std::vector keys{key("sl1r", "R"), key("sl1e", "E")};
  EXPECT_THAT(lines(*customer_records("example.com", keys, with_zone())),
              ElementsAre("dkim sl1r._domainkey.example.com CNAME sl1r.example.com.dkim.isp.example",
                          "dkim sl2r._domainkey.example.com CNAME sl2r.example.com.dkim.isp.example",
                          "dkim sl1e._domainkey.example.com CNAME sl1e.example.com.dkim.isp.example",
                          "dkim sl2e._domainkey.example.com CNAME sl2e.example.com.dkim.isp.example",
                          "spf example.com TXT v=spf1 include:spf.isp.example ~all",
                          "dmarc _dmarc.example.com TXT v=DMARC1; p=none"));
}

TEST(DnsRecords, WithoutOneTheyPublishTheKeysThemselves) {
  const std::vector keys{key("sl1r", "R"), key("sl2r", "S", auth::KeyState::revoked), key("sl1e", "E")};
  EXPECT_THAT(lines(*customer_records("example.com", keys, {.selector_prefix = "sl"})),
              ElementsAre("dkim sl1r._domainkey.example.com TXT v=DKIM1; k=rsa; p=R",
                          "dkim sl2r._domainkey.example.com TXT v=DKIM1; k=rsa; p=",
                          "dkim sl1e._domainkey.example.com TXT v=DKIM1; k=ed25519; p=E",
                          "dmarc _dmarc.example.com TXT v=DMARC1; p=none"));
}

TEST(DnsRecords, KeysThatWereBroughtAlongStayWhereTheyAre) {
  const std::vector keys{key("mail2023", "R")};
  const auto records = lines(*customer_records("example.com", keys, with_zone()));
  ASSERT_EQ(records.size(), 7U);
  EXPECT_EQ(records[4], "dkim mail2023._domainkey.example.com TXT v=DKIM1; k=rsa; p=R");
}

TEST(DnsRecords, ADomainWithoutKeysHasNoneOfThemAndOneThatIsAllBelowNothing) {
  EXPECT_THAT(lines(*customer_records("example.com", {}, with_zone())),
              ElementsAre("spf example.com TXT v=spf1 include:spf.isp.example ~all",
                          "dmarc _dmarc.example.com TXT v=DMARC1; p=none"));
  EXPECT_THAT(*customer_records("*.example.com", {}, with_zone()), IsEmpty());
  RecordRules rules = with_zone();
  rules.keys_to_come = true;
  EXPECT_EQ(customer_records("example.com", {}, rules)->size(), 6U);
  rules.zone.clear();
  EXPECT_EQ(customer_records("example.com", {}, rules)->size(), 2U);
}

TEST(DnsRecords, ANameThatIsTooLongIsSaidToBe) {
  std::string domain;
  for (int label = 0; label < 3; ++label) domain += std::string(63, 'a') + ".";
  domain += std::string(41, 'a') + ".example";
  const std::vector keys{key("sl1r", "R")};
  const auto records = customer_records(domain, keys, with_zone());
  ASSERT_FALSE(records);
  EXPECT_THAT(records.error(), HasSubstr("no names longer than 253 bytes"));
}

TEST(DnsRecords, LongTextsAreSplitIntoStringsOf255Bytes) {
  const std::vector keys{key("sl1r", std::string(600, 'R'))};
  const std::string text = zone_lines(*customer_records("example.com", keys, {.selector_prefix = "sl"}));
  const std::string begin = "v=DKIM1; k=rsa; p=";
  EXPECT_THAT(
      text, HasSubstr("sl1r._domainkey.example.com. IN TXT \"" + begin + std::string(255 - begin.size(), 'R') +
                      "\" \"" + std::string(255, 'R') + "\" \"" + std::string(600 - 510 + begin.size(), 'R') + "\"\n"));
}

TEST(DnsRecords, WhatMeansSomethingInAZoneFileIsEscaped) {
  const std::vector<PublishedRecord> records{{.purpose = "x", .name = "a", .type = "TXT", .value = "say \"\\\""}};
  EXPECT_EQ(zone_lines(records), "a. IN TXT \"say \\\"\\\\\\\"\"\n");
}

TEST(DnsRecords, TheZoneHasAllKeysAndARevokedOneWithoutItsKey) {
  auto zone = *IspZone::make(with_zone(), {"ns1.isp.example", "ns2.isp.example"});
  zone.add(key("sl1r", "R"));
  zone.add(key("sl2r", "S", auth::KeyState::revoked));
  auto below = key("sl1r", "W");
  below.domain = "*.example.com";
  zone.add(below);
  EXPECT_EQ(zone.text(17),
            "$ORIGIN dkim.isp.example.\n$TTL 300\n"
            "@ IN SOA ns1.isp.example. hostmaster.dkim.isp.example. ( 17 3600 900 1209600 300 )\n"
            "@ IN NS ns1.isp.example.\n@ IN NS ns2.isp.example.\n"
            "sl1r.example.com IN TXT \"v=DKIM1; k=rsa; p=R\"\n"
            "sl2r.example.com IN TXT \"v=DKIM1; k=rsa; p=\"\n");
  EXPECT_THAT(zone.left_out(), IsEmpty());
}

TEST(DnsRecords, TheDigestIsOfAllButTheSerial) {
  auto one = *IspZone::make(with_zone(), {"ns1.isp.example"});
  auto other = *IspZone::make(with_zone(), {"ns1.isp.example"});
  EXPECT_EQ(one.digest(), other.digest());
  other.add(key("sl1r", "R"));
  EXPECT_NE(one.digest(), other.digest());
  EXPECT_NE(one.digest(), IspZone::make(with_zone(), {"ns2.isp.example"})->digest());
  RecordRules slow = with_zone();
  slow.ttl_s = 301;
  EXPECT_NE(one.digest(), IspZone::make(slow, {"ns1.isp.example"})->digest());
}

TEST(DnsRecords, ANameThatIsTooLongForTheZoneIsLeftOutOfIt) {
  auto zone = *IspZone::make(with_zone(), {"ns1.isp.example"});
  auto longest = key("sl1r", "R");
  longest.domain = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." +
                   std::string(41, 'd') + ".example";
  zone.add(longest);
  EXPECT_THAT(zone.left_out(), ElementsAre("sl1r." + longest.domain));
  EXPECT_THAT(zone.text(1), Not(HasSubstr("aaa")));
}

TEST(DnsRecords, AZoneThatNoServerCouldLoadIsNotMade) {
  EXPECT_THAT(IspZone::make({}, {"ns1.isp.example"}).error(), HasSubstr("dkim.zone is not set"));
  EXPECT_THAT(IspZone::make(with_zone(), {}).error(), HasSubstr("dkim.zone_name_servers is not set"));
  EXPECT_THAT(IspZone::make(with_zone(), {"ns1.dkim.isp.example"}).error(), HasSubstr("is in the zone itself"));
  EXPECT_TRUE(IspZone::make(with_zone(), {"nsdkim.isp.example"}));
}

}  // namespace
}  // namespace sluice::domain_keys
