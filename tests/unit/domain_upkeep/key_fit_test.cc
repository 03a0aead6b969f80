#include "engine/domain_upkeep/key_fit.h"

#include <gtest/gtest.h>

#include "engine/domain_upkeep/domain_state.h"
#include "engine/domain_upkeep/pace.h"
#include "tests/unit/domain_upkeep/upkeep_world.h"

namespace sluice::domain_upkeep {
namespace {

using auth::KeyFit;
using auth::KeyState;
using sender_dns::Verdict;

auth::SigningKeyRecord with_state(KeyState state, WallMillis since = 0) {
  return {.selector = "sl1r", .state = state, .since = since};
}

TEST(KeyFitTest, TwoWrongChecksInARowFarEnoughApartKeepAKeyBack) {
  auth::SigningKeyRecord key = with_state(KeyState::active);
  key.fit = fit_of(key, Verdict::missing, kFirstMoment);
  EXPECT_EQ(key.fit, (KeyFit{.wrong_since = kFirstMoment}));
  key.fit = fit_of(key, Verdict::wrong, kFirstMoment + kFailingAfter - 1);
  EXPECT_FALSE(key.fit.kept_back);
  key.fit = fit_of(key, Verdict::wrong, kFirstMoment + kFailingAfter);
  EXPECT_EQ(key.fit, (KeyFit{.wrong_since = kFirstMoment, .kept_back = true}));
  // And it stays so.
  EXPECT_EQ(fit_of(key, Verdict::wrong, kFirstMoment + kDayMs), key.fit);
  EXPECT_EQ(fit_of(key, Verdict::right, kFirstMoment + kDayMs), KeyFit());
}

TEST(KeyFitTest, ARightOneInBetweenBeginsAnew) {
  auth::SigningKeyRecord key = with_state(KeyState::active);
  key.fit = fit_of(key, Verdict::wrong, kFirstMoment);
  key.fit = fit_of(key, Verdict::right, kFirstMoment + kMinuteMs);
  key.fit = fit_of(key, Verdict::wrong, kFirstMoment + kDayMs);
  EXPECT_EQ(key.fit, (KeyFit{.wrong_since = kFirstMoment + kDayMs}));
}

TEST(KeyFitTest, WithoutAnAnswerNothingChanges) {
  auth::SigningKeyRecord key = with_state(KeyState::active);
  for (const KeyFit fit : {KeyFit(), KeyFit{.wrong_since = kFirstMoment}, KeyFit{kFirstMoment, true}}) {
    key.fit = fit;
    EXPECT_EQ(fit_of(key, Verdict::not_asked, kFirstMoment + kDayMs), fit);
  }
}

TEST(KeyFitTest, WhatIsNotToSignIsNotJudged) {
  const WallMillis now = kFirstMoment;
  for (const KeyState state : {KeyState::published, KeyState::retired, KeyState::revoked}) {
    auth::SigningKeyRecord key = with_state(state, now);
    key.fit = {.wrong_since = now - kDayMs, .kept_back = true};
    EXPECT_EQ(fit_of(key, Verdict::wrong, now), KeyFit()) << auth::key_state_name(state);
  }
  // They sign until or from a moment that is to come.
  EXPECT_NE(fit_of(with_state(KeyState::retired, now + 1), Verdict::wrong, now), KeyFit());
  EXPECT_NE(fit_of(with_state(KeyState::active, now + 1), Verdict::wrong, now), KeyFit());
}

TEST(KeyFitTest, AClockThatWasSetBackDoesNotCountHalfAnHour) {
  auth::SigningKeyRecord key = with_state(KeyState::active);
  key.fit = {.wrong_since = kFirstMoment + kDayMs};
  EXPECT_EQ(fit_of(key, Verdict::wrong, kFirstMoment), (KeyFit{.wrong_since = kFirstMoment}));
}

TEST(KeyFitTest, TheNextCheckComesWhenItCanDecide) {
  // Of a domain that is failing by other records already.
  const auth::DomainState state{.checked = kFirstMoment, .verdict = "wrong", .failing_since = kFirstMoment - kDayMs};
  auth::SigningKeyRecord key = with_state(KeyState::active);
  const auto next = [&] { return look_again(state, {&key, 1}, std::chrono::days(1), kFirstMoment); };
  EXPECT_EQ(next(), std::nullopt);
  key.fit = {.wrong_since = kFirstMoment};
  EXPECT_EQ(next(), kFirstMoment + kFailingAfter);
  key.fit.kept_back = true;
  EXPECT_EQ(next(), kFirstMoment + in_millis(kLookAgainSoon));
  key.fit.wrong_since = kFirstMoment - kDayMs;
  EXPECT_EQ(next(), std::nullopt);
}

TEST(KeyFitTest, WhatTheDnsSaysIsShownClean) {
  EXPECT_EQ(finding_text("", {.name = "a.example", .what = "says \x1b[2J"}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace sluice::domain_upkeep
