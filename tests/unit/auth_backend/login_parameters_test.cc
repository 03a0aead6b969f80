// Parameters of a login in an operator's text, and what escapes them for LDAP.
#include "auth/backend/login_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "auth/backend/ldap_template.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;

Credentials of(std::string_view name) { return {.name = name_of(name), .secret = secret_of("the secret")}; }

std::string filled(std::string_view text, std::string_view name) {
  const auto parsed = LdapTemplate::parse(text);
  return parsed ? parsed->text_for(of(name)) : "error: " + parsed.error();
}

// What a server reads: RFC 4514 and RFC 4515 have the same escape.
std::string unescaped(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    value += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return value;
}

TEST(LoginParametersTest, AreTheNameAndItsTwoHalves) {
  const Credentials credentials = of("tim@office@example.com");
  EXPECT_EQ(parameter_value(LoginParameter::user, credentials), "tim@office@example.com");
  EXPECT_EQ(parameter_value(LoginParameter::local, credentials), "tim@office");
  EXPECT_EQ(parameter_value(LoginParameter::domain, credentials), "example.com");
  EXPECT_EQ(parameter_value(LoginParameter::password, credentials), "the secret");
  const Credentials bare = of("tim");
  EXPECT_EQ(parameter_value(LoginParameter::local, bare), "tim");
  EXPECT_EQ(parameter_value(LoginParameter::domain, bare), "");
}

TEST(LoginParametersTest, WhatIsNoParameterIsAnErrorAndNotText) {
  EXPECT_THAT(filled("uid=%{User},dc=test", "tim"), HasSubstr("unknown: %{User}"));
  EXPECT_THAT(filled("uid=%{user", "tim"), HasSubstr("without a }"));
  EXPECT_THAT(filled("uid=%{}", "tim"), HasSubstr("unknown: %{}"));
  EXPECT_THAT(filled("(&(uid=%{user})(userPassword=%{password}))", "tim"), HasSubstr("%{password}"));
  EXPECT_EQ(filled("100%, %user% %n", "tim"), "100%, %user% %n");
  EXPECT_EQ(filled("", "tim"), "");
}

TEST(LdapTemplateTest, ANameStaysOneValue) {
  EXPECT_EQ(filled("uid=%{local},dc=%{domain},dc=test", "tim@example"), "uid=tim,dc=example,dc=test");
  EXPECT_EQ(filled("(mail=%{user})", "*)(uid=*"), R"((mail=\2A\29\28uid\3D\2A))");
  EXPECT_EQ(filled("uid=%{user},dc=test", "root,dc=admin"), R"(uid=root\2Cdc\3Dadmin,dc=test)");
  EXPECT_EQ(filled("uid=%{user},dc=test", " #\"+;<>\\ "), R"(uid=\20\23\22\2B\3B\3C\3E\5C\20,dc=test)");
  EXPECT_EQ(filled("(uid=%{user})", "jürgen"), R"((uid=j\C3\BCrgen))");
  // A value that looks like a parameter is not looked at again.
  EXPECT_EQ(filled("(uid=%{user})", "%{domain}@x"), R"((uid=\25\7Bdomain\7D@x))");
}

TEST(LdapTemplateTest, WhatIsEscapedHasNothingThatMeansSomethingAndIsReadBackAsItWas) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string value(random() % 40, '\0');
    for (char& c : value) c = static_cast<char>(random() % 256);
    const std::string escaped = ldap_escaped(value);
    EXPECT_EQ(escaped.find_first_of(std::string("*()\0,+\"<>;=# ", 13)), std::string::npos) << escaped;
    EXPECT_EQ(unescaped(escaped), value);
  }
}

}  // namespace
}  // namespace sluice::auth
