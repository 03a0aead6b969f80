#include "engine/domain_upkeep/key_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/domain_upkeep/pace.h"
#include "tests/unit/domain_upkeep/upkeep_world.h"

namespace sluice::domain_upkeep {
namespace {

using auth::KeyState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const domain_keys::LifeRules kTwoDaysOnTheWay{
    .selector_prefix = "sl", .record_ttl = kHourMs, .retire_after = 2 * kDayMs, .rotate_after = 30 * kDayMs};

auth::SigningKeyRecord key(const std::string& selector, KeyState state, WallMillis since) {
  return {.domain = "example.com",
          .selector = selector,
          .algorithm = selector.ends_with('e') ? "ed25519-sha256" : "rsa-sha256",
          .state = state,
          .since = since,
          .created = since,
          .public_key = "p"};
}

using Keys = std::vector<auth::SigningKeyRecord>;

std::vector<std::string> words(const KeyPlan& plan) {
  std::vector<std::string> all;
  for (const auth::KeyStateChange& change : plan.states)
    all.push_back(change.selector + " " + std::string(auth::key_state_name(change.state)));
  for (const NextKey& next : plan.next) all.push_back("make " + next.selector);
  return all;
}
std::vector<std::string> plan(const Keys& keys, const std::vector<std::string>& right, WallMillis now = kFirstMoment,
                              const domain_keys::LifeRules& rules = kTwoDaysOnTheWay) {
  return words(plan_keys(keys, right, rules, now));
}

TEST(KeyPlan, WhatWasSeenSignsAndWhatIsOverIsRevoked) {
  const Keys keys{key("sl1r", KeyState::active, kFirstMoment - kDayMs),
                  key("sl2r", KeyState::published, kFirstMoment - kHourMs),
                  key("sl1e", KeyState::retired, kFirstMoment - 2 * kDayMs),
                  key("sl2e", KeyState::active, kFirstMoment - 2 * kDayMs)};
  EXPECT_THAT(plan(keys, {"sl1r", "sl2r"}), ElementsAre("sl1e revoked", "sl2r active", "sl1r retired"));
  EXPECT_THAT(plan(keys, {"sl1r"}), ElementsAre("sl1e revoked"));
}

TEST(KeyPlan, RotatesOneAlgorithmAtATime) {
  const Keys keys{key("sl1r", KeyState::active, kFirstMoment), key("sl1e", KeyState::active, kFirstMoment)};
  const std::vector<std::string> right{"sl1r", "sl1e"};
  EXPECT_THAT(plan(keys, right, kFirstMoment + 30 * kDayMs - 1), IsEmpty());
  EXPECT_THAT(plan(keys, right, kFirstMoment + 30 * kDayMs), ElementsAre("make sl2r"));
  domain_keys::LifeRules by_hand = kTwoDaysOnTheWay;
  by_hand.rotate_after = 0;
  EXPECT_THAT(plan(keys, right, kFirstMoment + 300 * kDayMs, by_hand), IsEmpty());
  // One that was made is waited for, and one that was seen until it signs.
  const WallMillis later = kFirstMoment + 31 * kDayMs;
  Keys more = keys;
  more.push_back(key("sl2r", KeyState::published, later));
  EXPECT_THAT(plan(more, right, later), IsEmpty());
  more[0] = key("sl1r", KeyState::retired, later + kHourMs);
  more[2] = key("sl2r", KeyState::active, later + kHourMs);
  EXPECT_THAT(plan(more, {"sl1r", "sl2r", "sl1e"}, later), IsEmpty());
  EXPECT_THAT(plan(more, {"sl1r", "sl2r", "sl1e"}, later + kHourMs), ElementsAre("make sl2e"));
}

TEST(KeyPlan, MakesNoKeyWhereTheRecordOfThePresentOneIsNotRight) {
  const Keys keys{key("sl1r", KeyState::active, kFirstMoment), key("sl1e", KeyState::active, kFirstMoment)};
  EXPECT_THAT(plan(keys, {}, kFirstMoment + 31 * kDayMs), IsEmpty());
  EXPECT_THAT(plan(keys, {"sl1e"}, kFirstMoment + 31 * kDayMs), ElementsAre("make sl2e"));
}

TEST(KeyPlan, MakesNoKeyWhereTheSlotIsStillNeeded) {
  const Keys keys{key("sl1r", KeyState::active, kFirstMoment),
                  key("sl2r", KeyState::retired, kFirstMoment + 29 * kDayMs)};
  EXPECT_THAT(plan(keys, {"sl1r", "sl2r"}, kFirstMoment + 30 * kDayMs), IsEmpty());
  EXPECT_THAT(plan(keys, {"sl1r", "sl2r"}, kFirstMoment + 31 * kDayMs), ElementsAre("sl2r revoked", "make sl2r"));
}

TEST(KeyPlan, ADomainThatHasNoKeysGetsTwo) {
  EXPECT_THAT(words(plan_first_keys({}, kTwoDaysOnTheWay, kFirstMoment)), ElementsAre("make sl1r", "make sl1e"));
  EXPECT_TRUE(
      plan_first_keys(Keys{key("mail", KeyState::active, kFirstMoment)}, kTwoDaysOnTheWay, kFirstMoment).empty());
  EXPECT_THAT(plan({}, {}, kFirstMoment + 300 * kDayMs), IsEmpty());
}

TEST(KeyPlan, ARecordIsNeededOfWhatSignsOrHasSigned) {
  const Keys used{key("sl1r", KeyState::active, kFirstMoment), key("sl2r", KeyState::published, kFirstMoment)};
  EXPECT_TRUE(needs_record(used[0], used, kFirstMoment));
  EXPECT_FALSE(needs_record(used[1], used, kFirstMoment + 30 * kDayMs));
  EXPECT_TRUE(needs_record(key("sl1e", KeyState::retired, kFirstMoment), used, kFirstMoment));
  EXPECT_FALSE(needs_record(key("sl1e", KeyState::revoked, kFirstMoment), used, kFirstMoment));
  const Keys fresh{key("sl1r", KeyState::published, kFirstMoment)};
  EXPECT_FALSE(needs_record(fresh[0], fresh, kFirstMoment + kDayMs - 1));
  EXPECT_TRUE(needs_record(fresh[0], fresh, kFirstMoment + kDayMs));
}

TEST(UpkeepPace, SpreadsAllDomainsOverTheTimeForThem) {
  const Duration day = std::chrono::days(1);
  const auto pace = [&](std::uint64_t domains, std::uint64_t claims = 0) {
    return time_between_checks({.claims = claims, .asserted = domains}, day);
  };
  EXPECT_EQ(pace(0), kPaceMost);
  EXPECT_EQ(pace(100), kPaceMost);
  const Duration of_many = pace(100'000);
  EXPECT_LE(of_many * 100'000, day);
  EXPECT_GT(of_many * 100'000, day / 2);
  EXPECT_EQ(pace(100'000'000), kPaceLeast);
  EXPECT_LE(pace(100, 6000) * 6000, kLookAgainSoon);
  EXPECT_EQ(time_between_checks({.proven = 1}, std::chrono::seconds(1)), std::chrono::milliseconds(900));
}

TEST(UpkeepPace, LooksAgainWhereSomethingIsNewlyWrongOrIsWaitedFor) {
  const Duration day = std::chrono::days(1);
  const auto again = [&](const auth::DomainState& state, const Keys& keys) {
    return look_again(state, keys, day, kFirstMoment + kDayMs);
  };
  const WallMillis now = kFirstMoment + kDayMs;
  EXPECT_EQ(again({.checked = now, .verdict = "right"}, {key("sl1r", KeyState::active, now)}), std::nullopt);
  EXPECT_EQ(again({.checked = now, .verdict = "wrong"}, {}), now + 30 * 60'000);
  EXPECT_EQ(again({.checked = now, .verdict = "wrong", .failing_since = kFirstMoment}, {}), std::nullopt);
  EXPECT_EQ(again({.verdict = "right"}, {key("sl1r", KeyState::published, now)}), now + 10 * 60'000);
  EXPECT_EQ(again({.verdict = "right"}, {key("sl1r", KeyState::published, kFirstMoment)}), std::nullopt);
  // The DNS has not answered since.
  EXPECT_EQ(again({.checked = kFirstMoment, .verdict = "wrong"}, {}), now + 10 * 60'000);
}

}  // namespace
}  // namespace sluice::domain_upkeep
