// Keys of TSIG, as name servers' tools write them.
#include "engine/zone_update/tsig_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::zone_update {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKeySecret = "//Bmb3IgdGVzdHMgb25seSwgZm9yIHRlc3RzIG9ubHkx";

std::string bind_text(std::string_view algorithm = "hmac-sha256", std::string_view secret = kKeySecret) {
  return "key \"Relay.Example\" {\n\talgorithm " + std::string(algorithm) + ";\n\tsecret \"" + std::string(secret) +
         "\";\n};\n";
}

std::string fault_of(std::string_view text) {
  const auto key = parse_tsig_key(text);
  EXPECT_FALSE(key.has_value());
  return key ? std::string() : key.error();
}

TEST(TsigKey, IsReadAsBindWritesIt) {
  const auto key = parse_tsig_key(bind_text());
  ASSERT_TRUE(key.has_value()) << key.error();
  EXPECT_EQ(key->name, "relay.example");
  EXPECT_EQ(key->algorithm, "hmac-sha256");
  EXPECT_EQ(key->secret.reveal(), kKeySecret);
}

TEST(TsigKey, IsReadAsKnotWritesIt) {
  const std::string text = "# hmac-sha512:relay:" + std::string(kKeySecret) +
                           "\nkey:\n  - id: relay\n    algorithm: hmac-sha512\n    secret: " + std::string(kKeySecret) +
                           "\n";
  const auto key = parse_tsig_key(text);
  ASSERT_TRUE(key.has_value()) << key.error();
  EXPECT_EQ(key->name, "relay");
  EXPECT_EQ(key->algorithm, "hmac-sha512");
  EXPECT_EQ(key->secret.reveal(), kKeySecret);
}

TEST(TsigKey, WhatIsNoneIsRefusedWithoutASecretInTheWords) {
  EXPECT_THAT(fault_of(""), HasSubstr("is not one key"));
  EXPECT_THAT(fault_of(bind_text() + bind_text()), HasSubstr("is not one key"));
  EXPECT_THAT(fault_of("key \"a\" { algorithm hmac-sha256; };"), HasSubstr("is not one key"));
  EXPECT_THAT(fault_of(bind_text("hmac-md5")), HasSubstr("hmac-sha256 or hmac-sha512"));
  EXPECT_THAT(fault_of(bind_text("hmac-sha256", "c2Vj-cmV0")), HasSubstr("no base64"));
  EXPECT_THAT(fault_of(bind_text("hmac-sha256", "c2Vj-cmV0")), Not(HasSubstr("c2Vj")));
  EXPECT_THAT(fault_of("key \"a..c\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };"), HasSubstr("none of the DNS"));
}

TEST(TsigKey, AFileThatOthersMayReadIsRefused) {
  const std::string path = (std::filesystem::temp_directory_path() / "sluice-tsig-key-test").string();
  std::ofstream(path) << bind_text();
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write | perms::others_read);
  const auto open = read_tsig_key(path);
  ASSERT_FALSE(open.has_value());
  EXPECT_THAT(open.error(), HasSubstr("chmod 600"));
  std::filesystem::permissions(path, perms::owner_read);
  EXPECT_TRUE(read_tsig_key(path).has_value());
  std::filesystem::remove(path);
  EXPECT_THAT(read_tsig_key(path).error(), HasSubstr(path));
}

}  // namespace
}  // namespace sluice::zone_update
