// How mail is signed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::vector<std::string> dkim_errors(const std::string& keys) {
  std::vector<std::string> found;
  if (const auto config = load_config("[dkim]\n" + keys + std::string(kRoute), "sluice.toml"); !config)
    for (const ConfigError& error : config.error()) found.push_back(error.key + ": " + error.problem);
  return found;
}

DkimConfig read(const std::string& keys) { return load("[dkim]\n" + keys + std::string(kRoute)).dkim; }

TEST(DkimConfig, NothingIsSignedByDefault) {
  const Config config = load(std::string(kRoute));
  EXPECT_FALSE(config.dkim.enabled);
  EXPECT_EQ(config.dkim.key_directory, "/var/lib/sluice/dkim");
  EXPECT_TRUE(config.dkim.rules.rsa && config.dkim.rules.ed25519);
  EXPECT_TRUE(config.routes[0].route.sign);
}

TEST(DkimConfig, TakesEveryForm) {
  const DkimConfig dkim = read(
      "enabled = true\nkey_directory = \"/etc/keys\"\nalgorithms = \"ed25519-sha256\"\ncanonicalization = "
      "\"simple/relaxed\"\ntimestamp = false\nlifetime_s = 86400\nisp_domain = \"ISP.example\"\nunsigned = \"isp\"\n");
  EXPECT_TRUE(dkim.enabled);
  EXPECT_EQ(dkim.key_directory, "/etc/keys");
  EXPECT_FALSE(dkim.rules.rsa);
  EXPECT_TRUE(dkim.rules.ed25519);
  EXPECT_EQ(dkim.rules.forms.header, dkim::Canonicalization::simple);
  EXPECT_EQ(dkim.rules.forms.body, dkim::Canonicalization::relaxed);
  EXPECT_FALSE(dkim.rules.has_time);
  EXPECT_EQ(dkim.rules.lifetime_s, 86400U);
  EXPECT_EQ(dkim.rules.isp_domain, "isp.example");
  EXPECT_EQ(dkim.rules.without_key, signing::Unsigned::isp);
  EXPECT_FALSE(load("[[route]]\nhosts = \"mx.example:25\"\nsign = false\n").routes[0].route.sign);
}

TEST(DkimConfig, AKeysRecordStaysLongerThanAMessageThatItHasSigned) {
  EXPECT_THAT(dkim_errors("enabled = true\nretire_after_s = 345600\n"),
              ElementsAre("dkim.retire_after_s: is not longer than a message may wait (queue.expire_s)"));
  EXPECT_THAT(dkim_errors("enabled = true\nretire_after_s = 345601\n"), IsEmpty());
  EXPECT_THAT(dkim_errors("enabled = false\nretire_after_s = 3600\n"), IsEmpty());
}

TEST(DkimConfig, TheRelayChecksDomainsOnceADayAndRotatesWhereAsked) {
  const DomainKeysConfig by_default = read("").domain_keys;
  EXPECT_EQ(by_default.check_every, std::chrono::days(1));
  EXPECT_EQ(by_default.rotate_every, Duration::zero());
  EXPECT_EQ(by_default.failing, Failing::sign);
  EXPECT_EQ(by_default.zone_file, "");
  const std::string zone = "zone = \"dkim.isp.example\"\nzone_name_servers = [\"ns.isp.example\"]\n";
  const DomainKeysConfig keys = read(zone +
                                     "check_every_s = 3600\nrotate_every_s = 7776000\nfailing = \"as_without_key\"\n"
                                     "zone_file = \"/var/lib/zone\"\n")
                                    .domain_keys;
  EXPECT_EQ(keys.check_every, std::chrono::hours(1));
  EXPECT_EQ(keys.rotate_every, std::chrono::days(90));
  EXPECT_EQ(keys.failing, Failing::as_without_key);
  EXPECT_EQ(keys.zone_file, "/var/lib/zone");
  EXPECT_THAT(dkim_errors("rotate_every_s = 7776000\n"),
              ElementsAre("dkim.rotate_every_s: is more than 0, and there is no zone: customers would have to publish "
                          "each key"));
  EXPECT_THAT(dkim_errors(zone + "check_every_s = 0\nrotate_every_s = 7776000\n"),
              ElementsAre("dkim.rotate_every_s: is more than 0, and check_every_s is 0: no key would be seen"));
  EXPECT_THAT(dkim_errors("check_every_s = 0\nfailing = \"as_without_key\"\n"),
              ElementsAre("dkim.failing: is not \"sign\", and check_every_s is 0: no domain is checked"));
  for (const char* const other : {"", "zone = \"dkim.isp.example\"\n", "zone_name_servers = [\"ns.isp.example\"]\n"})
    EXPECT_THAT(dkim_errors(std::string(other) + "zone_file = \"/var/lib/zone\"\n"),
                ElementsAre("dkim.zone_file: is there, and zone or zone_name_servers is not"));
}

TEST(DkimConfig, WhatADomainThatIsFailingMayDo) {
  using signing::Unsigned;
  const auto rule = [](const std::string& word) {
    return read("isp_domain = \"isp.example\"\nunsigned = \"refuse\"\nfailing = \"" + word + "\"\n").rules.kept_back;
  };
  EXPECT_EQ(rule("sign"), std::nullopt);
  EXPECT_EQ(rule("as_without_key"), std::nullopt);
  EXPECT_EQ(rule("send"), Unsigned::send);
  EXPECT_EQ(rule("isp"), Unsigned::isp);
  EXPECT_EQ(rule("refuse"), Unsigned::refuse);
  EXPECT_THAT(dkim_errors("failing = \"isp\"\n"), ElementsAre("dkim.failing: is \"isp\", and there is no isp_domain"));
  EXPECT_EQ(dkim_errors("failing = \"nothing\"\n").size(), 1U);
}

TEST(DkimConfig, WhatMakesADomainFailing) {
  const DomainKeysConfig by_default = read("").domain_keys;
  EXPECT_THAT(by_default.failing_records, ElementsAre("dkim", "spf"));
  EXPECT_THAT(by_default.sending_addresses, IsEmpty());
  const DomainKeysConfig keys =
      read("failing_records = [\"mx\", \"dmarc\"]\nsending_addresses = [\"192.0.2.25\", \"2001:db8::25\"]\n")
          .domain_keys;
  EXPECT_THAT(keys.failing_records, ElementsAre("mx", "dmarc"));
  EXPECT_THAT(keys.sending_addresses, ElementsAre("192.0.2.25", "2001:db8::25"));
  EXPECT_THAT(read("failing_records = []\n").domain_keys.failing_records, IsEmpty());
  EXPECT_THAT(dkim_errors("failing_records = [\"ptr\"]\nsending_addresses = [\"192.0.2.0/24\"]\n"),
              UnorderedElementsAre("dkim.failing_records[1]: \"ptr\" is none of the records that are checked",
                                   "dkim.sending_addresses[1]: \"192.0.2.0/24\" is no IP address"));
}

TEST(DkimConfig, AZoneIsUpdatedAtItsServerWithAKey) {
  const std::string zone = "zone = \"dkim.isp.example\"\n";
  const std::string update = "zone_update = \"192.0.2.53\"\n";
  const std::string key = "zone_update_key = \"/etc/sluice/zone.key\"\n";
  const DomainKeysConfig keys = read(zone + update + key).domain_keys;
  EXPECT_EQ(keys.zone_update, "192.0.2.53");
  EXPECT_EQ(keys.zone_update_key, "/etc/sluice/zone.key");
  EXPECT_EQ(read("zone_update = \"\"\n").domain_keys.zone_update, "");
  const auto incomplete = ElementsAre("dkim.zone_update: is there, and zone or zone_update_key is not");
  EXPECT_THAT(dkim_errors(update + key), incomplete);
  EXPECT_THAT(dkim_errors(zone + update), incomplete);
  EXPECT_THAT(dkim_errors(zone + key), ElementsAre("dkim.zone_update_key: is there, and zone_update is not"));
  EXPECT_THAT(dkim_errors(zone + update + key + "zone_name_servers = [\"ns.isp.example\"]\nzone_file = \"/zone\"\n"),
              ElementsAre("dkim.zone_update: is there, and zone_file, too"));
  EXPECT_THAT(dkim_errors("zone_update = \"ns.isp.example\"\n"), Not(IsEmpty()));
}

TEST(DkimConfig, WhatCannotBeMeantIsAnError) {
  EXPECT_THAT(dkim_errors("unsigned = \"isp\"\n"),
              ElementsAre("dkim.unsigned: is \"isp\", and there is no isp_domain"));
  EXPECT_THAT(dkim_errors("algorithms = [\"rsa-sha1\"]\n"),
              ElementsAre("dkim.algorithms[1]: \"rsa-sha1\" is no algorithm that signs"));
  EXPECT_THAT(dkim_errors("enabled = true\nalgorithms = []\n"),
              ElementsAre("dkim.algorithms: has none: nothing can be signed"));
  EXPECT_THAT(dkim_errors("algorithms = []\n"), IsEmpty());
  EXPECT_FALSE(dkim_errors("canonicalization = \"strict\"\n").empty());
  EXPECT_EQ(read("proof_label = \"_isp-challenge\"\n").domain_keys.proof_label, "_isp-challenge");
  for (const std::string label : {"", "_", "isp-challenge", "_a.b", "_A", "_a-", "_a b"})
    EXPECT_FALSE(dkim_errors("proof_label = \"" + label + "\"\n").empty()) << label;
}

}  // namespace
}  // namespace sluice::config
