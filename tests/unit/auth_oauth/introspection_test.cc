// What an introspection endpoint says, and which URLs are asked at all.
#include "auth/oauth/introspection.h"

#include <gtest/gtest.h>

#include "auth/oauth/http_client.h"
#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

// "": granted; "wrong: ..." or what is amiss with the response.
std::string introspection_fault(const std::string& response, const TokenRules& rules = rules_of_tests()) {
  const auto grant = check_introspection(response, rules, *Name::make("tim@example.com"), kTokenNow);
  return grant ? std::string() : (grant.error().wrong ? "wrong: " : "") + grant.error().reason;
}

TEST(Introspection, AnActiveTokenIsCheckedLikeAnyOther) {
  EXPECT_EQ(introspection_fault(claims_with("active", "true")), "");
  EXPECT_EQ(introspection_fault(claims_with("active", "false")),
            "wrong: the introspection endpoint says that it is not active");
  EXPECT_EQ(introspection_fault(R"({"active":false})"), "wrong: the introspection endpoint says that it is not active");
  std::string claims = claims_with("aud", R"("elsewhere")");
  claims.insert(1, R"("active":true,)");
  EXPECT_EQ(introspection_fault(claims), R"(wrong: aud is "elsewhere")");
  TokenRules rules;
  rules.user_claim = "username";
  EXPECT_EQ(introspection_fault(R"({"active":true,"username":"tim@example.com"})", rules), "");
  EXPECT_EQ(introspection_fault(R"({"active":true,"username":"ann@example.com"})", rules),
            R"(wrong: username is "ann@example.com")");
}

TEST(Introspection, AResponseThatSaysNothingIsNoVerdict) {
  const std::string none = "the introspection response has no \"active\"";
  EXPECT_EQ(introspection_fault(claims_with()), none);
  EXPECT_EQ(introspection_fault(claims_with("active", R"("true")")), none);
  EXPECT_EQ(introspection_fault(claims_with("active", "1")), none);
  EXPECT_EQ(introspection_fault("<html>"), "the introspection response is no JSON");
  EXPECT_EQ(introspection_fault(R"({"active":false,"active":true})"), "the introspection response has a name twice");
}

TEST(Introspection, ATokenIsAsked) {
  EXPECT_EQ(introspection_form("a.b+c/d=="), "token=a.b%2Bc%2Fd%3D%3D&token_type_hint=access_token");
  EXPECT_EQ(form_encoded("s e&c=r\xc3\xa9t"), "s%20e%26c%3Dr%C3%A9t");
}

TEST(OauthUrl, IsHttpsOrAtALoopbackAddress) {
  for (const char* const good : {"https://login.example.net/keys", "https://login.example.net:8443/keys?a=b",
                                 "http://127.0.0.1:8080/keys", "http://[::1]/keys", "http://localhost/keys"})
    EXPECT_EQ(url_fault(good), "") << good;
  EXPECT_EQ(url_fault("http://login.example.net/"), "is http, and not at a loopback address");
  EXPECT_EQ(url_fault("http://127.0.0.1.example.net/"), "is http, and not at a loopback address");
  EXPECT_EQ(url_fault("http://localhost.example.net/"), "is http, and not at a loopback address");
  EXPECT_EQ(url_fault("https://user:secret@login.example.net/"), "has a user in it");
  EXPECT_EQ(url_fault("http://localhost@login.example.net/"), "has a user in it");
  EXPECT_EQ(url_fault("https://login.example.net/#a"), "has a fragment");
  EXPECT_EQ(url_fault("https://login.example.net/a b"), "has a byte that is none of a URL");
  EXPECT_EQ(url_fault("https://login.example.net/" + std::string(3000, 'a')), "is too long");
  for (const char* const bad : {"", "login.example.net", "file:///etc/passwd", "ftp://localhost/", "https://"})
    EXPECT_NE(url_fault(bad), "") << bad;
}

}  // namespace
}  // namespace sluice::auth
