// A login that is being checked while its account is changed, and what the shield does to logins.
#include "auth/backend/caching_authenticator.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/auth_backend/scripted.h"

namespace sluice::auth {
namespace {

class CachingAuthenticatorTest : public ::testing::Test {
 protected:
  // Grants or not, as the test sets it; `meanwhile_` happens once while it looks.
  Verdict look(const Credentials& credentials) {
    ++checks_;
    const bool grants = granted_;
    const bool down = down_;
    meanwhile_();
    if (down) return Verdict::of(Verdict::Kind::unavailable, "no route to host");
    if (!grants) return Verdict::of(Verdict::Kind::wrong);
    Verdict verdict = Verdict::of(Verdict::Kind::granted);
    auto identity = std::make_shared<Identity>();
    identity->account_name = credentials.name.text();
    identity->customer_id = 7;
    verdict.identity = std::move(identity);
    return verdict;
  }
  Answer log_in_from(std::string_view ip, std::string_view name, std::string_view secret) {
    return testing::await<Answer>(core_.platforms, core_.loop, [&] {
      Credentials credentials = credentials_of(name, secret);
      credentials.client.ip = ip;
      return authenticator_.authenticate(std::move(credentials));
    });
  }
  AnswerKind log_in() { return log_in_from("192.0.2.9", "tim@example.com", "right").kind; }
  // As many wrong secrets, each another one.
  void guess(std::string_view ip, int times, std::string_view name = "tim@example.com") {
    granted_ = false;
    for (int i = 0; i < times; ++i) {
      const Answer answer = log_in_from(ip, name, "wrong" + std::to_string(++guesses_));
      EXPECT_EQ(answer.kind, AnswerKind::wrong) << answer.reason;
    }
    granted_ = true;
  }

  int checks_ = 0;
  int guesses_ = 0;
  std::vector<ShieldEntry> reached_;
  bool granted_ = true;
  bool down_ = false;
  std::function<void()> meanwhile_ = [] {};
  BackendCore core_;
  // The source outlives the chain.
  const std::vector<ConfiguredBackend> backends_{
      {.options = {.name = "scripted"},
       .source = std::make_shared<ScriptedSource>([this](const Credentials& c) { return look(c); })}};
  BackendChain chain_{backends_, core_.parts(), [](std::string_view, std::string_view) {}};
  std::array<std::byte, kCacheKeyBytes> key_{};
  SharedShield shield_;
  CachingAuthenticator authenticator_{
      core_.loop, shield_, chain_, key_, {}, [this](const ShieldEntry& reached) { reached_.push_back(reached); }};
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

TEST_F(CachingAuthenticatorTest, AnAddressAtItsLimitIsRefusedUncheckedWhateverTheSecret) {
  EXPECT_EQ(log_in_from("203.0.113.1", "tim@example.com", "right").kind, AnswerKind::granted);
  guess("192.0.2.1", 20);
  ASSERT_EQ(reached_.size(), 2U);
  EXPECT_EQ(reached_.front().subject, "192.0.2.1");
  const int checks = checks_;
  // The right one is in the cache, and is not told either.
  for (const char* secret : {"right", "wrong1", "other"}) {
    const Answer answer = log_in_from("192.0.2.1", "tim@example.com", secret);
    EXPECT_EQ(answer.kind, AnswerKind::refused);
    EXPECT_EQ(answer.reason, "shield: address");
  }
  EXPECT_EQ(checks_, checks);
  EXPECT_EQ(authenticator_.counters().refused_by_address, 3U);
}

TEST_F(CachingAuthenticatorTest, TheOwnerIsNeverRefusedFromWhereHeLoggedInBefore) {
  EXPECT_EQ(log_in_from("192.0.2.1", "tim@example.com", "right").kind, AnswerKind::granted);
  guess("192.0.2.1", 30);
  guess("192.0.2.77", 30);
  authenticator_.forget({.everything = true});
  EXPECT_EQ(log_in_from("192.0.2.1", "tim@example.com", "right").kind, AnswerKind::granted);
  EXPECT_EQ(log_in_from("192.0.2.1", "ann@example.com", "right").kind, AnswerKind::refused);
}

TEST_F(CachingAuthenticatorTest, AnAccountAtItsLimitIsSlowedElsewhere) {
  for (int i = 0; i < 20; ++i) guess("10.0." + std::to_string(i) + ".1", 1);
  const Instant before = core_.loop.now();
  EXPECT_EQ(log_in_from("203.0.113.1", "tim@example.com", "right").kind, AnswerKind::granted);
  EXPECT_GE(core_.loop.now() - before, ShieldLimits().slow);
  EXPECT_EQ(authenticator_.counters().slowed_by_account, 1U);
  // The network is known now.
  EXPECT_EQ(log_in_from("203.0.113.2", "tim@example.com", "right").kind, AnswerKind::granted);
  EXPECT_EQ(authenticator_.counters().slowed_by_account, 1U);
  granted_ = false;
  EXPECT_EQ(log_in_from("203.0.114.1", "tim@example.com", "wrong").reason, "shield: slowed by account");
}

// Others from the same address fail while its password is looked at.
TEST_F(CachingAuthenticatorTest, AnAnswerThatComesAtTheLimitIsNotTold) {
  meanwhile_ = [this] {
    meanwhile_ = [] {};
    for (std::uint64_t i = 0; i < 20; ++i) {
      CredentialKey key{.pair = {static_cast<std::uint8_t>(i)}};
      const auto counted =
          shield_.failed(shield_.attempt("192.0.2.1", name_of("x@example.com"), key), core_.loop.now());
      EXPECT_EQ(counted.refused, ShieldRule::none);
    }
  };
  EXPECT_EQ(log_in_from("192.0.2.1", "tim@example.com", "right").kind, AnswerKind::refused);
}

TEST_F(CachingAuthenticatorTest, AnOldDeviceIsNotRefused) {
  granted_ = false;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(log_in_from("192.0.2.1", "tim@example.com", "old").kind, AnswerKind::wrong);
}

class GraceTimeTest : public CachingAuthenticatorTest {
 protected:
  Answer log_in_late(std::string_view secret = "right") {
    return testing::await<Answer>(core_.platforms, core_.loop,
                                  [&] { return late_.authenticate(credentials_of("tim@example.com", secret)); });
  }
  void pass(Duration time) { EXPECT_TRUE(core_.platforms.run_for(time)); }
  CachingAuthenticator late_{core_.loop,
                             shield_,
                             chain_,
                             key_,
                             {.granted_ttl = std::chrono::minutes(5), .grace = std::chrono::minutes(30)},
                             [](const ShieldEntry&) {}};
};

TEST_F(GraceTimeTest, ALoginThatWasGrantedGoesOnWhileItsBackEndIsDownAndNoOther) {
  EXPECT_EQ(log_in_late().kind, AnswerKind::granted);
  down_ = true;
  pass(std::chrono::minutes(6));
  const Answer answer = log_in_late();
  EXPECT_EQ(answer.kind, AnswerKind::granted);
  EXPECT_EQ(answer.reason, "grace: scripted: no route to host");
  EXPECT_EQ(log_in_late("other").kind, AnswerKind::unavailable);
  EXPECT_EQ(late_.counters().in_grace, 1U);
  // Each time the back end is asked first.
  EXPECT_EQ(checks_, 3);
  down_ = false;
  EXPECT_EQ(log_in_late().reason, "");
  EXPECT_EQ(late_.counters().in_grace, 1U);
}

TEST_F(GraceTimeTest, ItEndsWithItsTimeWithARefusalAndWithAChange) {
  const auto stale = [this] {
    down_ = false;
    EXPECT_EQ(log_in_late().kind, AnswerKind::granted);
    down_ = true;
    pass(std::chrono::minutes(6));
    EXPECT_EQ(log_in_late().kind, AnswerKind::granted);
  };
  stale();
  pass(std::chrono::minutes(24));
  EXPECT_EQ(log_in_late().kind, AnswerKind::unavailable);
  stale();
  down_ = granted_ = false;
  EXPECT_EQ(log_in_late().kind, AnswerKind::wrong);
  down_ = granted_ = true;
  pass(std::chrono::seconds(11));
  EXPECT_EQ(log_in_late().kind, AnswerKind::unavailable);
  stale();
  late_.forget({.accounts = {"tim@example.com"}});
  EXPECT_EQ(log_in_late().kind, AnswerKind::unavailable);
  stale();
  meanwhile_ = [this] { late_.forget({.customers = {7}}); };
  EXPECT_EQ(log_in_late().kind, AnswerKind::unavailable);
}

}  // namespace
}  // namespace sluice::auth
