// A login that is being checked while its account is changed.
#include "auth/backend/caching_authenticator.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

using testing::PlatformKind;
using testing::Platforms;

// Grants or not, as the test sets it; `meanwhile` happens once while it looks.
class ScriptedBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view kind() const override { return "scripted"; }
  [[nodiscard]] Answer check(const Name& name, const Secret& /*secret*/, WallMillis /*now*/) override {
    ++checks;
    const bool grants = granted;
    meanwhile();
    if (!grants) return Answer::wrong();
    auto identity = std::make_shared<Identity>();
    identity->account_name = name.text();
    identity->customer_id = 7;
    return Answer::granted(std::move(identity));
  }

  int checks = 0;
  bool granted = true;
  std::function<void()> meanwhile = [] {};
};

class CachingAuthenticatorTest : public ::testing::Test {
 protected:
  AnswerKind log_in() {
    return testing::await<Answer>(
               platforms_, loop_,
               [this] {
                 return authenticator_.authenticate({.name = name_of("tim@example.com"), .secret = secret_of("right")});
               })
        .kind;
  }

  Platforms platforms_{PlatformKind::simulated};
  io::Loop& loop_{platforms_.add_loop("192.0.2.1")};
  ScriptedBackend backend_;
  std::array<std::byte, kCacheKeyBytes> key_{};
  CachingAuthenticator authenticator_{loop_, backend_, key_, {}};
};

// The session began with what the account was before, and nothing ended it.
TEST_F(CachingAuthenticatorTest, ALoginThatIsBeingCheckedWhileItsAccountIsChangedIsCheckedAgain) {
  backend_.meanwhile = [this] {
    backend_.granted = false;
    backend_.meanwhile = [] {};
    authenticator_.forget({.accounts = {"tim@example.com"}});
  };
  EXPECT_EQ(log_in(), AnswerKind::wrong);
  EXPECT_EQ(backend_.checks, 2);
}

TEST_F(CachingAuthenticatorTest, AStoreThatChangesAllTheTimeIsAFailureOfOurs) {
  backend_.meanwhile = [this] { authenticator_.forget({.customers = {8}}); };
  EXPECT_EQ(log_in(), AnswerKind::unavailable);
  EXPECT_EQ(backend_.checks, 3);
  backend_.meanwhile = [] {};
  EXPECT_EQ(log_in(), AnswerKind::granted);
  EXPECT_EQ(log_in(), AnswerKind::granted);
  EXPECT_EQ(backend_.checks, 4);
}

}  // namespace
}  // namespace sluice::auth
