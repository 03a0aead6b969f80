// What a token says: each claim right, wrong, missing and of another type.
#include "auth/oauth/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;

// Empty: granted.
std::string claims_fault(const std::string& claims, const TokenRules& rules = rules_of_tests(),
                         std::string_view name = "tim@example.com", ClaimsFrom from = ClaimsFrom::token) {
  const auto json = parse_json_object(claims);
  if (!json) return json.error();
  const auto grant = check_claims(json->get(), from, rules, *Name::make(name), kTokenNow);
  return grant ? std::string() : grant.error();
}

TEST(TokenClaims, AreGrantedWhereAllOfThemAreRight) {
  const auto json = parse_json_object(claims_with());
  const auto grant =
      check_claims(json->get(), ClaimsFrom::token, rules_of_tests(), *Name::make("TIM@Example.COM"), kTokenNow);
  ASSERT_TRUE(grant) << grant.error();
  EXPECT_EQ(grant->user, "tim@example.com");
  EXPECT_EQ(grant->expires, 1'800'000'600'000);
  EXPECT_EQ(grant->customer, "");
  EXPECT_THAT(grant->domains, ElementsAre());
}

TEST(TokenClaims, HaveTheIssuer) {
  EXPECT_EQ(claims_fault(claims_with("iss", R"("https://issuer.example")")), R"(iss is "https://issuer.example")");
  EXPECT_EQ(claims_fault(claims_with("iss", "")), "iss is missing");
  EXPECT_EQ(claims_fault(claims_with("iss", R"(["https://issuer.example/"])")), "iss is missing");
}

TEST(TokenClaims, HaveOneOfTheAudiences) {
  EXPECT_EQ(claims_fault(claims_with("aud", R"("other")")), "");
  EXPECT_EQ(claims_fault(claims_with("aud", R"("smtp.example.net")")), R"(aud is "smtp.example.net")");
  EXPECT_EQ(claims_fault(claims_with("aud", R"("smtp.example other")")), R"(aud is "smtp.example other")");
  EXPECT_EQ(claims_fault(claims_with("aud", R"([7,"other"])")), "aud is missing");
  EXPECT_EQ(claims_fault(claims_with("aud", "[]")), "aud is missing");
  EXPECT_EQ(claims_fault(claims_with("aud", "")), "aud is missing");
}

TEST(TokenClaims, EndByTheClockWithItsSkew) {
  EXPECT_EQ(claims_fault(claims_with("exp", "1799999941")), "");  // a minute of skew
  EXPECT_EQ(claims_fault(claims_with("exp", "1799999940")), "it has expired");
  EXPECT_EQ(claims_fault(claims_with("exp", "1799999940.5")), "");
  EXPECT_EQ(claims_fault(claims_with("exp", "-9223372036854775808")), "it has expired");
  EXPECT_EQ(claims_fault(claims_with("exp", "9223372036854775807")), "");
  EXPECT_EQ(claims_fault(claims_with("exp", "1e300")), "");
  EXPECT_EQ(claims_fault(claims_with("exp", "")), "exp is missing");
  EXPECT_EQ(claims_fault(claims_with("exp", "null")), "exp is no time");
  EXPECT_EQ(claims_fault(claims_with("exp", R"("1800000600")")), "exp is no time");
  EXPECT_EQ(claims_fault(claims_with("exp", ""), rules_of_tests(), "tim@example.com", ClaimsFrom::introspection), "");
}

TEST(TokenClaims, BeginByTheClockWithItsSkew) {
  EXPECT_EQ(claims_fault(claims_with("nbf", "1800000060")), "");
  EXPECT_EQ(claims_fault(claims_with("nbf", "1800000061")), "it is not valid yet");
  EXPECT_EQ(claims_fault(claims_with("nbf", "9223372036854775807")), "it is not valid yet");
  EXPECT_EQ(claims_fault(claims_with("nbf", "true")), "nbf is no time");
  EXPECT_EQ(claims_fault(claims_with("nbf", "")), "");
}

TEST(TokenClaims, HaveTheScopeAsAWord) {
  EXPECT_EQ(claims_fault(claims_with("scope", R"("smtps openid")")), R"(its scope does not have "smtp")");
  EXPECT_EQ(claims_fault(claims_with("scope", R"(["email","smtp"])")), "");
  EXPECT_EQ(claims_fault(claims_with("scope", "")), "scope is missing");
  EXPECT_EQ(claims_fault(claims_with("scope", "7")), "scope is missing");
  // As Microsoft names it; "scope" counts where there is one.
  std::string claims = claims_with("scope", "");
  claims.insert(1, R"("scp":"smtp",)");
  EXPECT_EQ(claims_fault(claims), "");
  EXPECT_EQ(claims_fault(claims_with("scp", R"("smtp")")), "");
  TokenRules rules = rules_of_tests();
  rules.scope = "";
  EXPECT_EQ(claims_fault(claims_with("scope", ""), rules), "");
}

TEST(TokenClaims, NameTheUserWhoLogsIn) {
  EXPECT_EQ(claims_fault(claims_with(), rules_of_tests(), "ann@example.com"), R"(email is "tim@example.com")");
  EXPECT_EQ(claims_fault(claims_with(), rules_of_tests(), "tim"), R"(email is "tim@example.com")");
  EXPECT_EQ(claims_fault(claims_with("email", R"("TIM@EXAMPLE.com")")), "");
  EXPECT_EQ(claims_fault(claims_with("email", R"("tim@example.com\n")")), "email is missing or no name");
  EXPECT_EQ(claims_fault(claims_with("email", R"(["tim@example.com"])")), "email is missing or no name");
  EXPECT_EQ(claims_fault(claims_with("email", "")), "email is missing or no name");
  TokenRules rules = rules_of_tests();
  rules.user_claim = "sub";
  EXPECT_EQ(claims_fault(claims_with("sub", R"("tim")"), rules, "tim"), "");
  EXPECT_EQ(claims_fault(claims_with(), rules), "sub is missing or no name");
}

// Anybody may write another's address into a profile.
TEST(TokenClaims, AnAddressThatIsNotVerifiedIsNobodys) {
  EXPECT_EQ(claims_fault(claims_with("email_verified", "true")), "");
  EXPECT_EQ(claims_fault(claims_with("email_verified", "false")), "email is not verified");
  EXPECT_EQ(claims_fault(claims_with("email_verified", R"("true")")), "email is not verified");
  TokenRules rules = rules_of_tests();
  rules.user_claim = "preferred_username";
  std::string claims = claims_with("email_verified", "false");
  claims.insert(1, R"("preferred_username":"tim@example.com",)");
  EXPECT_EQ(claims_fault(claims, rules), "");
}

TEST(TokenClaims, ATokenThatIsBoundToAKeyIsNoBearerToken) {
  EXPECT_EQ(claims_fault(claims_with("cnf", R"({"jkt":"x"})")), "it is bound to a key");
}

TEST(TokenClaims, SayWhoseAccountItIs) {
  TokenRules rules = rules_of_tests();
  rules.customer_claim = "org";
  rules.domains_claim = "domains";
  std::string claims = claims_with("org", R"("Acme Ltd")");
  claims.insert(1, R"("domains":["shop.example","b.example, c.example"],)");
  const auto json = parse_json_object(claims);
  const auto grant = check_claims(json->get(), ClaimsFrom::token, rules, *Name::make("tim@example.com"), kTokenNow);
  ASSERT_TRUE(grant) << grant.error();
  EXPECT_EQ(grant->customer, "Acme Ltd");
  EXPECT_THAT(grant->domains, ElementsAre("shop.example", "b.example", "c.example"));
  EXPECT_EQ(claims_fault(claims_with("org", R"("a\u0007")"), rules), "org is no name of a customer");
  EXPECT_EQ(claims_fault(claims_with("org", "7"), rules), "org is no name of a customer");
  EXPECT_EQ(claims_fault(claims_with("domains", "{}"), rules), "domains is no list of domains");
  EXPECT_EQ(claims_fault(claims_with("domains", R"(["a\u0000b"])"), rules), "is no JSON");
}

TEST(TokenJson, IsReadStrictly) {
  EXPECT_EQ(claims_fault(R"({"exp":1,"exp":2})"), "has a name twice");
  EXPECT_EQ(claims_fault(R"({"exp":1,"\u0065xp":2})"), "has a name twice");
  for (const char* const text : {"", "{", "{} {}", "{'a':1}", "{\"a\":01}", "{\"a\":\"\xff\"}", "{\"a\":1e999}"})
    EXPECT_EQ(claims_fault(text), "is no JSON") << text;
  EXPECT_EQ(claims_fault("[]"), "is no JSON object");
  EXPECT_EQ(claims_fault(std::string(100'000, '[')), "is no JSON");
}

TEST(TokenJson, IsShownCleanAndShort) {
  EXPECT_EQ(shown_text("a\r\nb\x1b"), R"("a??b?")");
  EXPECT_EQ(shown_text(std::string(200, 'x')).size(), 105U);
}

}  // namespace
}  // namespace sluice::auth
