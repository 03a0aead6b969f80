// Access tokens as a back end: a key file that changes, a token as long as they get, and what is the operator's alone.
#include "auth/backend/oauth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/unit/auth_backend/real_core.h"
#include "tests/unit/auth_oauth/signer.h"

namespace sluice::auth {
namespace {

using ::testing::HasSubstr;
using Kind = Verdict::Kind;

// The backend's clock is the machine's.
std::string lasting_claims(const std::string& more = {}) {
  return R"({"iss":"https://issuer.example/","aud":"other","exp":4102444800,"scope":"smtp","email":"tim@example.com")" +
         more + "}";
}

class OauthBackendTest : public ::testing::Test {
 protected:
  OauthBackendTest() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/keys.json";
    write(key_set_of({ec_signer().jwk()}));
    options_.oauth.jwks_file = path_;
    options_.oauth.rules = rules_of_tests();
  }
  ~OauthBackendTest() override {
    core_ = nullptr;
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }
  Verdict check(const std::string& token) {
    if (core_ == nullptr) {
      auto opened = open_oauth(options_);
      EXPECT_TRUE(opened) << opened.error();
      core_ = std::make_unique<RealCore>(*std::move(opened));
    }
    return core_->check(
        Credentials{.name = name_of("tim@example.com"), .secret = Secret::make_token(token).value(), .bearer = true});
  }

  std::string folder_ = ::testing::TempDir() + "oauth.XXXXXX";
  std::string path_;
  OauthBackendOptions options_;
  std::unique_ptr<RealCore> core_;
};

TEST_F(OauthBackendTest, ATokenThatChecksIsGrantedUntilItsEnd) {
  const Verdict verdict = check(ec_signer().token("ES256", lasting_claims()));
  EXPECT_EQ(verdict.kind, Kind::granted) << verdict.reason;
  EXPECT_EQ(verdict.account, "tim@example.com");
  EXPECT_EQ(verdict.expires, 4'102'444'800'000);
}

// A token is longer than any password.
TEST_F(OauthBackendTest, ATokenOfEightKilobytesIsChecked) {
  const std::string token =
      ec_signer().token("ES256", lasting_claims(R"(,"groups":")" + std::string(5800, 'g') + "\""));
  ASSERT_GT(token.size(), 7900U);
  EXPECT_EQ(check(token).kind, Kind::granted);
}

TEST_F(OauthBackendTest, WhatIsWrongIsTheOperatorsToKnow) {
  const Verdict verdict = check(ec_signer().token("ES256", lasting_claims(R"(,"nbf":4000000000)")));
  EXPECT_EQ(verdict.kind, Kind::wrong);
  EXPECT_EQ(verdict.reason, "it is not valid yet");
}

TEST_F(OauthBackendTest, AKeyFileThatIsReplacedIsReadAgain) {
  EXPECT_EQ(check(rsa_signer().token("RS256", lasting_claims())).kind, Kind::wrong);
  write(key_set_of({rsa_signer().jwk()}));
  EXPECT_EQ(check(rsa_signer().token("RS256", lasting_claims())).kind, Kind::granted);
  EXPECT_EQ(check(ec_signer().token("ES256", lasting_claims())).kind, Kind::wrong);
}

// Guesses with a key id that nobody has are no reason to leave the others alone.
TEST_F(OauthBackendTest, AFileThatIsGoneLeavesItsKeysInForce) {
  EXPECT_EQ(check(ec_signer().token("ES256", lasting_claims())).kind, Kind::granted);
  std::filesystem::remove(path_);
  const Verdict unknown = check(rsa_signer().token("RS256", lasting_claims()));
  EXPECT_EQ(unknown.kind, Kind::unavailable);
  EXPECT_TRUE(unknown.of_one_account);
  EXPECT_THAT(unknown.reason, HasSubstr(path_));
  EXPECT_EQ(check(ec_signer().token("ES256", lasting_claims())).kind, Kind::granted);
}

TEST_F(OauthBackendTest, FilesThatCannotBeUsedAreToldAtTheStart) {
  write("{}");
  EXPECT_THAT(open_oauth(options_).error(), HasSubstr("the key set has no \"keys\""));
  EXPECT_THAT(try_oauth(options_).error(), HasSubstr("the key set has no \"keys\""));
  options_.oauth.ca_file = "/nowhere";
  EXPECT_THAT(open_oauth(options_).error(), HasSubstr("ca_file: "));
}

}  // namespace
}  // namespace sluice::auth
