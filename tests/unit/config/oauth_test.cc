// [oauth]: every key of it, and what an operator cannot set by mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/config/config.h"
#include "tests/unit/config/load.h"

namespace sluice::config {
namespace {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::StartsWith;

TEST(OauthConfig, IsThereWhereItsTableIs) {
  EXPECT_FALSE(load(std::string(kRoute)).oauth.has_value());
  EXPECT_FALSE(load("[oauth]\n" + std::string(kRoute)).oauth.has_value());
  const Config config = load(R"(
[oauth]
issuer = "https://issuer.example/"
audience = ["smtp", "imap"]
jwks_url = "https://issuer.example/keys"
jwks_refresh_s = 120
jwks_retry_s = 5
jwks_keep_s = 600
ca_file = "/etc/ca.pem"
algorithms = "ES256"
user_claim = "sub"
scope = "mail"
clock_skew_s = 10
customer_from = "answer"
customer_claim = "org"
domains_claim = "domains"
unknown_customer = "create"
timeout_s = 7
threads = 3
failures = 9
)" + std::string(kRoute));
  ASSERT_TRUE(config.oauth.has_value());
  const auth::OauthOptions& oauth = config.oauth->oauth;
  EXPECT_EQ(oauth.jwks_url, "https://issuer.example/keys");
  EXPECT_EQ(oauth.ca_file, "/etc/ca.pem");
  EXPECT_EQ(oauth.jwks_refresh, 120s);
  EXPECT_EQ(oauth.jwks_retry, 5s);
  EXPECT_EQ(oauth.jwks_keep, 600s);
  EXPECT_EQ(oauth.rules.issuer, "https://issuer.example/");
  EXPECT_THAT(oauth.rules.audiences, ElementsAre("smtp", "imap"));
  EXPECT_THAT(oauth.rules.algorithms, ElementsAre("ES256"));
  EXPECT_EQ(oauth.rules.user_claim, "sub");
  EXPECT_EQ(oauth.rules.scope, "mail");
  EXPECT_EQ(oauth.rules.clock_skew, 10s);
  EXPECT_EQ(oauth.rules.customer_claim, "org");
  EXPECT_EQ(oauth.rules.domains_claim, "domains");
  const auth::BackendOptions& backend = config.oauth->backend;
  EXPECT_TRUE(backend.bearer);
  EXPECT_EQ(backend.name, "oauth");
  EXPECT_EQ(backend.customer_from, auth::CustomerFrom::answer);
  EXPECT_EQ(backend.unknown_customer, auth::UnknownCustomer::create);
  EXPECT_EQ(backend.timeout, 7s);
  EXPECT_EQ(backend.connections, 3U);
  EXPECT_EQ(backend.failures, 9U);
  const Config defaults =
      load("[oauth]\nissuer = \"i\"\naudience = \"a\"\njwks_file = \"/keys\"\n" + std::string(kRoute));
  EXPECT_THAT(defaults.oauth->oauth.rules.algorithms, ElementsAre("RS256", "PS256", "ES256"));
  const Config asks =
      load("[oauth]\nintrospection_url = \"http://127.0.0.1/i\"\nclient_id = \"c\"\nclient_secret_file = \"/s\"\n" +
           std::string(kRoute));
  EXPECT_EQ(asks.oauth->oauth.client_id, "c");
  EXPECT_EQ(asks.oauth->oauth.client_secret_file, "/s");
}

struct BadTable {
  std::string text;
  std::string expected;  // the beginning of the one message
};

class BadOauth : public ::testing::TestWithParam<BadTable> {};

TEST_P(BadOauth, IsShownWithItsPlace) {
  const auto config = load_config(GetParam().text + "\n" + std::string(kRoute), "sluice.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().size(), 1U);
  EXPECT_THAT(config.error().front().to_string(), StartsWith("sluice.toml:" + GetParam().expected));
}

// Signatures that anybody can make, and keys in clear, among others.
constexpr std::string_view kOauth = "[oauth]\nissuer = \"i\"\naudience = \"a\"\n";
INSTANTIATE_TEST_SUITE_P(
    Tables, BadOauth,
    ::testing::Values(
        BadTable{std::string(kOauth), "1:1: oauth.jwks_url: is missing; allowed: one of jwks_file"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\njwks_url = \"https://b/\"",
                 "5:1: oauth.jwks_url: is one of several"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\nalgorithms = [\"ES256\", \"none\"]",
                 "5:24: oauth.algorithms[2]: \"none\" is no algorithm"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\nalgorithms = [\"HS256\"]",
                 "5:15: oauth.algorithms[1]: \"HS256\" is"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\nalgorithms = []", "5:1: oauth.algorithms: is empty"},
        BadTable{std::string(kOauth) + "jwks_url = \"http://login.example/\"", "4:12: oauth.jwks_url: "},
        BadTable{"[oauth]\nissuer = \"i\"\njwks_file = \"/a\"", "1:1: oauth.audience: is missing"},
        BadTable{"[oauth]\naudience = \"i\"\njwks_file = \"/a\"", "1:1: oauth.issuer: is missing"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\nclient_id = \"c\"", "5:1: oauth.client_id: is only for"},
        BadTable{"[oauth]\nintrospection_url = \"https://a/\"\nclient_id = \"c\"",
                 "1:1: oauth.client_secret_file: is missing"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\ncustomer_from = \"answer\"",
                 "1:1: oauth.customer_claim: is missing"},
        BadTable{std::string(kOauth) + "jwks_file = \"/a\"\njwks_keep_s = 60", "5:1: oauth.jwks_keep_s: is less"}));

}  // namespace
}  // namespace sluice::config
