// What [dkim] says, as the upkeep of domains goes by it.
#include "engine/domain_upkeep/configured_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::domain_upkeep {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string judged(const config::DomainKeysConfig& keys) {
  const JudgedRecords records = judged_records(keys);
  return std::string(records.dkim ? "dkim " : "") + (records.spf ? "spf " : "") + (records.dmarc ? "dmarc " : "") +
         (records.mx ? "mx " : "");
}

TEST(ConfiguredRules, SpfIsJudgedWhereItIsKnownWhatIsToBeInIt) {
  config::DomainKeysConfig keys;
  EXPECT_EQ(judged(keys), "dkim ");
  keys.spf_include = "spf.isp.example";
  EXPECT_EQ(judged(keys), "dkim spf ");
  keys.spf_include.clear();
  keys.sending_addresses = {"192.0.2.25"};
  EXPECT_EQ(judged(keys), "dkim spf ");
  EXPECT_THAT(sending_addresses(keys), SizeIs(1));
  keys.failing_records = {"mx", "dmarc"};
  EXPECT_EQ(judged(keys), "dmarc mx ");
}

TEST(ConfiguredRules, TheKeyOfUpdatesIsReadWhereThereAreAny) {
  config::DomainKeysConfig keys;
  keys.zone_update_key = "/nonexistent/key";
  EXPECT_EQ(sending_rules(keys)->server, "");
  keys.zone_update = "192.0.2.53";
  EXPECT_THAT(sending_rules(keys).error(), HasSubstr("dkim.zone_update_key: /nonexistent/key"));
  keys.zone_update_key = (std::filesystem::temp_directory_path() / "sluice-update-key-test").string();
  std::ofstream(keys.zone_update_key) << "key \"relay\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n";
  std::filesystem::permissions(keys.zone_update_key, std::filesystem::perms::owner_read);
  const auto rules = sending_rules(keys);
  ASSERT_TRUE(rules.has_value()) << rules.error();
  EXPECT_EQ(rules->key->name, "relay");
  std::filesystem::remove(keys.zone_update_key);
}

}  // namespace
}  // namespace sluice::domain_upkeep
