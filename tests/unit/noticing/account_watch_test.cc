// What the process notices of all its accounts: by name, by class, and from several threads.
#include "policy/noticing/account_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sluice::noticing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view kThief = "thief@example.com";

class AccountWatchTest : public ::testing::Test {
 protected:
  // A message to so many strangers.
  Verdict send(std::string_view account, std::uint32_t recipients, const WatchedClass& by) {
    std::vector<std::uint64_t> hashes;
    for (std::uint32_t i = 0; i < recipients; ++i) hashes.push_back(watch.hash(std::to_string(++strangers_)));
    return watch.message(account, by, {.recipients = recipients, .network = 1}, hashes, now);
  }
  std::optional<Notice> refuse_as_unknown(std::string_view account, std::uint32_t recipients) {
    std::vector<Outcome> outcomes;
    for (std::uint32_t i = 0; i < recipients; ++i)
      outcomes.push_back({.kind = OutcomeKind::unknown, .recipient = watch.hash(std::to_string(++strangers_))});
    return watch.outcomes(account, outcomes, now);
  }

  AccountWatch watch{AccountWatch::Key{}};
  WatchedClass home{.name = "home", .policy = built_in_policy("home")};
  Instant now{std::chrono::hours(1000)};

 private:
  std::uint64_t strangers_ = 0;
};

TEST_F(AccountWatchTest, AnAccountThatIsOrdinaryIsAtNoStep) {
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
  EXPECT_EQ(send(kThief, 10, home).step, Step::pass);
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
}

TEST_F(AccountWatchTest, ARecipientIsOneInAllSpellingsOfItsDomain) {
  const std::uint64_t plain = watch.hash("a@far.example");
  for (const char* spelled : {"a@far.example", "a@FAR.example", "a@Far.Example"})
    EXPECT_EQ(watch.hash_of_recipient(spelled), plain) << spelled;
  EXPECT_EQ(watch.hash_of_recipient("a@B\xc3\xbc.example"), watch.hash_of_recipient("a@xn--b-eha.example"));
  // Whether a local part has a case is for its host to say (RFC 5321 2.4).
  for (const char* other :
       {"A@far.example", "a@far.example.com", "a@[192.0.2.1]", "\"a@far.example\"@FAR.example", "a"})
    EXPECT_NE(watch.hash_of_recipient(other), plain) << other;
  EXPECT_EQ(watch.hash_of_recipient("postmaster"), watch.hash("postmaster"));
}

TEST_F(AccountWatchTest, KnowsWhomAnAccountHasWrittenTo) {
  const std::vector<std::uint64_t> asked{watch.hash("1"), watch.hash("new")};
  EXPECT_EQ(watch.knows(kThief, asked), (std::vector<bool>{false, false}));
  static_cast<void>(send(kThief, 1, home));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(watch.knows(kThief, asked), (std::vector<bool>{true, false}));
  EXPECT_EQ(watch.knows("other@example.com", asked), (std::vector<bool>{false, false}));
}

TEST_F(AccountWatchTest, ManyTimesTheOrdinaryIsHeldAndNobodyElseIs) {
  Verdict verdict;
  for (int i = 0; i < 20 && verdict.step < Step::hold; ++i) verdict = send(kThief, 50, home);
  EXPECT_GE(verdict.step, Step::hold);
  EXPECT_GE(watch.step(kThief, home, now), Step::hold);
  EXPECT_THAT(reasons_text(verdict), HasSubstr("recipients"));
  EXPECT_EQ(send("other@example.com", 10, home).step, Step::pass);
}

TEST_F(AccountWatchTest, WhatNextHopsSayRaisesTheStepAndIsToldOnce) {
  EXPECT_EQ(refuse_as_unknown("nobody@example.com", 100), std::nullopt) << "it has sent nothing";
  static_cast<void>(send(kThief, 30, home));
  const auto notice = refuse_as_unknown(kThief, 20);
  ASSERT_TRUE(notice.has_value());
  EXPECT_GE(notice->verdict.step, Step::hold);
  EXPECT_EQ(notice->taken, notice->verdict.step);
  EXPECT_EQ(notice->policy_class, "home");
  EXPECT_THAT(reasons_text(notice->verdict), HasSubstr("unknown"));
  EXPECT_EQ(refuse_as_unknown(kThief, 1), std::nullopt);
}

TEST_F(AccountWatchTest, AClassTakesNoStepAboveItsHighestAndNoneInShadow) {
  WatchedClass lax = home;
  lax.highest = Step::slow;
  WatchedClass shadow = home;
  shadow.shadow = true;
  for (const Step found : {Step::hold, Step::suspend}) {
    EXPECT_EQ(home.taken(found), found);
    EXPECT_EQ(lax.taken(found), Step::slow);
    EXPECT_EQ(shadow.taken(found), Step::tell);
  }
  EXPECT_EQ(shadow.taken(Step::pass), Step::pass);
  static_cast<void>(send(kThief, 30, home));
  static_cast<void>(refuse_as_unknown(kThief, 20));
  EXPECT_GE(watch.step(kThief, home, now), Step::hold);
  EXPECT_EQ(watch.step(kThief, lax, now), Step::slow) << "as of the class that it sends by now";
}

TEST_F(AccountWatchTest, AReleaseLiftsAllSteps) {
  EXPECT_FALSE(watch.release(kThief));
  static_cast<void>(send(kThief, 30, home));
  static_cast<void>(refuse_as_unknown(kThief, 20));
  EXPECT_TRUE(watch.release(kThief));
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
}

TEST_F(AccountWatchTest, TheTimerLiftsAStep) {
  static_cast<void>(send(kThief, 30, home));
  static_cast<void>(refuse_as_unknown(kThief, 20));
  now += home.policy.suspend_time + 1h;
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
}

TEST_F(AccountWatchTest, ShowsWhatIsKnownOfAnAccount) {
  EXPECT_EQ(watch.look(kThief, now), std::nullopt);
  static_cast<void>(send(kThief, 30, home));
  static_cast<void>(refuse_as_unknown(kThief, 2));
  const auto look = watch.look(kThief, now);
  ASSERT_TRUE(look.has_value());
  EXPECT_EQ(look->recipients, 30U);
  EXPECT_EQ(look->first_time_recipients, 30U);
  EXPECT_EQ(look->networks, 1U);
  EXPECT_EQ(look->answered, 2U);
  EXPECT_EQ(look->unknown, 2U);
}

// All sessions of a process share the states.
TEST_F(AccountWatchTest, WhatAnotherRelayHoldsIsHeldHereUntilItsTimeIsOver) {
  EXPECT_EQ(watch.look(kThief, now), std::nullopt);
  watch.impose(kThief, {.step = Step::hold, .until = now + 1h, .reason = "noticed by a: much"});
  EXPECT_EQ(watch.step(kThief, home, now), Step::hold) << "it has sent nothing here";
  EXPECT_EQ(send(kThief, 1, home).step, Step::hold);
  EXPECT_FALSE(send(kThief, 1, home).raised) << "it was told where it was noticed";
  ASSERT_TRUE(watch.look(kThief, now).has_value());
  EXPECT_EQ(watch.look(kThief, now)->verdict.step, Step::hold);
  EXPECT_EQ(watch.look(kThief, now)->imposed, "noticed by a: much");
  WatchedClass shadow = home;
  shadow.shadow = true;
  EXPECT_EQ(watch.step(kThief, shadow, now), Step::tell);
  EXPECT_EQ(watch.step("other@example.com", home, now), Step::pass);
  now += 1h;
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
  EXPECT_EQ(send(kThief, 1, home).step, Step::pass);
  EXPECT_EQ(watch.imposed(kThief, now), std::nullopt);
}

TEST_F(AccountWatchTest, AReleaseLiftsWhatAnotherRelayHoldsAndItsOwnStepGoesOnWithoutIt) {
  watch.impose(kThief, {.step = Step::hold, .until = now + 1h, .reason = "much"});
  EXPECT_TRUE(watch.release(kThief));
  EXPECT_EQ(watch.step(kThief, home, now), Step::pass);
  EXPECT_FALSE(watch.release(kThief));
  watch.impose(kThief, {.step = Step::slow, .until = now + 1h, .reason = "much"});
  for (int i = 0; i < 20; ++i) static_cast<void>(send(kThief, 50, home));
  EXPECT_GE(watch.step(kThief, home, now), Step::hold);
}

TEST_F(AccountWatchTest, ThreadsCountEachMessageOnce) {
  constexpr std::uint32_t kMessages = 500;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([this] {
      const std::vector<std::uint64_t> hashes{1};
      for (std::uint32_t message = 0; message < kMessages; ++message)
        static_cast<void>(watch.message(kThief, home, {.recipients = 1, .network = 1}, hashes, now));
    });
  for (std::thread& thread : threads) thread.join();
  const auto look = watch.look(kThief, now);
  ASSERT_TRUE(look.has_value());
  EXPECT_GE(look->verdict.step, Step::tell);
  EXPECT_EQ(look->first_time_recipients, 1U);
}

}  // namespace
}  // namespace sluice::noticing
