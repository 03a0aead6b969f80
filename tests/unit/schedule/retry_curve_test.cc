// How long a message waits: the configured steps, the chance in them, the last try before it is given up.
#include "engine/schedule/retry_curve.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::schedule {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63;  // no jitter

TEST(RetryCurveTest, FollowsTheStepsAndRepeatsTheLast) {
  const RetryCurve curve({1min, 5min, 1h}, 10);
  EXPECT_EQ(curve.wait(1, kMiddle), 1min);
  EXPECT_EQ(curve.wait(2, kMiddle), 5min);
  EXPECT_EQ(curve.wait(3, kMiddle), 1h);
  EXPECT_EQ(curve.wait(4, kMiddle), 1h);
  EXPECT_EQ(curve.wait(UINT32_MAX, kMiddle), 1h);
  EXPECT_EQ(curve.wait(0, kMiddle), 1min);
}

TEST(RetryCurveTest, TheDefaultStartsSoonAndEndsAtFourHours) {
  const RetryCurve curve;
  EXPECT_EQ(curve.wait(1, kMiddle), 5min);
  EXPECT_EQ(curve.wait(6, kMiddle), 4h);
  EXPECT_EQ(curve.wait(20, kMiddle), 4h);
}

TEST(RetryCurveTest, ChanceSpreadsWithinTheJitterAndNoFurther) {
  const RetryCurve curve({1h}, 20);
  EXPECT_GE(curve.wait(1, 0), 48min);
  EXPECT_LE(curve.wait(1, 0), 48min + 1ms);
  EXPECT_LE(curve.wait(1, UINT64_MAX), 72min);
  EXPECT_GE(curve.wait(1, UINT64_MAX), 71min);
  std::set<Duration> waits;
  for (std::uint64_t i = 0; i < 1000; ++i) waits.insert(curve.wait(1, i * (UINT64_MAX / 1000)));
  EXPECT_GT(waits.size(), 990U);
}

TEST(RetryCurveTest, WithoutJitterChanceChangesNothing) {
  const RetryCurve curve({1h}, 0);
  EXPECT_EQ(curve.wait(1, 0), 1h);
  EXPECT_EQ(curve.wait(1, UINT64_MAX), 1h);
}

TEST(RetryCurveTest, YearsDoNotOverflow) {
  const RetryCurve curve({std::chrono::years(50)}, 90);
  EXPECT_GT(curve.wait(1, UINT64_MAX), std::chrono::years(90));
  EXPECT_LT(curve.wait(1, 0), std::chrono::years(10));
}

TEST(RetryCurveTest, TheLastTryIsJustBeforeTheEnd) {
  const RetryCurve curve({1h}, 20);
  EXPECT_EQ(curve.wait_within(3h, 1, kMiddle), 1h);
  EXPECT_EQ(curve.wait_within(30min, 1, kMiddle), 30min);
  EXPECT_EQ(curve.wait_within(0s, 1, kMiddle), std::nullopt);
  EXPECT_EQ(curve.wait_within(-1h, 1, kMiddle), std::nullopt);
}

// A minute would be all the time that there is.
TEST(RetryCurveTest, AShortTimeIsForTriesToo) {
  EXPECT_EQ(last_try_before(kGiveUpAfter), 1min);
  EXPECT_EQ(last_try_before(1min), 6s);
  EXPECT_EQ(last_try_before(5s), 500ms);
}

// From the first try on, a message is tried until it is given up, each time within its time.
TEST(RetryCurveTest, AMessageIsTriedUntilItsTimeIsOver) {
  const RetryCurve curve;
  Duration left = kGiveUpAfter - last_try_before(kGiveUpAfter);
  std::uint32_t tries = 1;
  while (const auto wait = curve.wait_within(left, tries, std::uint64_t{tries} * 0x9e3779b97f4a7c15U)) {
    ASSERT_GT(*wait, Duration::zero());
    left -= *wait;
    ++tries;
  }
  EXPECT_EQ(left, 0s);
  EXPECT_GT(tries, 22U);
  EXPECT_LT(tries, 40U);
}

TEST(RetryCurveDeathTest, AStepOfNoTimeIsNoStep) {
  EXPECT_DEATH(RetryCurve({0s}, 10), "check failed");
  EXPECT_DEATH(RetryCurve({}, 10), "check failed");
}

}  // namespace
}  // namespace sluice::schedule
