// A login that is being checked while its account is changed.
#include "auth/backend/caching_authenticator.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

class CachingAuthenticatorTest : public ::testing::Test {
 protected:
  // Grants or not, as the test sets it; `meanwhile_` happens once while it looks.
  Verdict look(const Credentials& credentials) {
    ++checks_;
    const bool grants = granted_;
    meanwhile_();
    if (!grants) return Verdict::of(Verdict::Kind::wrong);
    Verdict verdict = Verdict::of(Verdict::Kind::granted);
    auto identity = std::make_shared<Identity>();
    identity->account_name = credentials.name.text();
    identity->customer_id = 7;
    verdict.identity = std::move(identity);
    return verdict;
  }
  AnswerKind log_in() {
    return testing::await<Answer>(
               core_.platforms, core_.loop,
               [this] { return authenticator_.authenticate(credentials_of("tim@example.com", "right")); })
        .kind;
  }

  int checks_ = 0;
  bool granted_ = true;
  std::function<void()> meanwhile_ = [] {};
  BackendCore core_;
  BackendChain chain_{{{.options = {.name = "scripted"},
                        .source = std::make_shared<ScriptedSource>([this](const Credentials& c) { return look(c); })}},
                      core_.parts(),
                      [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  CachingAuthenticator authenticator_{core_.loop, chain_, key_, {}};
};

// The session began with what the account was before, and nothing ended it.
TEST_F(CachingAuthenticatorTest, ALoginThatIsBeingCheckedWhileItsAccountIsChangedIsCheckedAgain) {
  meanwhile_ = [this] {
    granted_ = false;
    meanwhile_ = [] {};
    authenticator_.forget({.accounts = {"tim@example.com"}});
  };
  EXPECT_EQ(log_in(), AnswerKind::wrong);
  EXPECT_EQ(checks_, 2);
}

TEST_F(CachingAuthenticatorTest, AStoreThatChangesAllTheTimeIsAFailureOfOurs) {
  meanwhile_ = [this] { authenticator_.forget({.customers = {8}}); };
  EXPECT_EQ(log_in(), AnswerKind::unavailable);
  EXPECT_EQ(checks_, 3);
  meanwhile_ = [] {};
  EXPECT_EQ(log_in(), AnswerKind::granted);
  EXPECT_EQ(log_in(), AnswerKind::granted);
  EXPECT_EQ(checks_, 4);
}

}  // namespace
}  // namespace sluice::auth
