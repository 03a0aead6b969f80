#include "policy/noticing/ladder.h"

#include <gtest/gtest.h>

namespace sluice::noticing {
namespace {

constexpr ClassPolicy kPolicy{.thresholds = {.tell = 10, .slow = 20, .hold = 100, .suspend = 300}};
constexpr Minute kHour = 60;
constexpr Minute kDay = 24 * kHour;
constexpr Minute kStart = 100 * kDay;

TEST(LadderTest, PointsLeadToSteps) {
  struct Case {
    float points;
    Step step;
  };
  for (const Case& each : {Case{0, Step::pass}, Case{9.9F, Step::pass}, Case{10, Step::tell}, Case{20, Step::slow},
                           Case{99, Step::slow}, Case{100, Step::hold}, Case{300, Step::suspend}}) {
    Ladder ladder;
    EXPECT_EQ(ladder.raise(each.points, kStart, kPolicy), each.step > Step::pass);
    EXPECT_EQ(ladder.step(), each.step) << each.points;
  }
}

TEST(LadderTest, TheScoreHalvesInSixHours) {
  Ladder ladder;
  ladder.raise(80, kStart, kPolicy);
  ladder.raise(0, kStart + 6 * kHour, kPolicy);
  EXPECT_NEAR(ladder.score(), 40, 0.1);
  EXPECT_EQ(ladder.step(), Step::slow);
  ladder.raise(0, kStart + 18 * kHour, kPolicy);
  EXPECT_NEAR(ladder.score(), 10, 0.1);
  ladder.raise(0, kStart + 19 * kHour, kPolicy);
  EXPECT_EQ(ladder.step(), Step::pass);
}

TEST(LadderTest, AClockThatGoesBackChangesNothing) {
  Ladder ladder;
  ladder.raise(80, kStart, kPolicy);
  ladder.raise(0, kStart - 5, kPolicy);
  EXPECT_EQ(ladder.score(), 80);
}

TEST(LadderTest, HoldStaysUntilItsTimerIsOver) {
  Ladder ladder;
  EXPECT_TRUE(ladder.raise(100, kStart, kPolicy));
  EXPECT_EQ(ladder.strikes(), 1);
  EXPECT_FALSE(ladder.raise(0, kStart + 20 * kHour, kPolicy));
  EXPECT_EQ(ladder.step(), Step::hold);
  EXPECT_FALSE(ladder.is_over(kStart + kDay - 1));
  EXPECT_TRUE(ladder.is_over(kStart + kDay));
  ladder.lift();
  EXPECT_EQ(ladder.step(), Step::pass);
  EXPECT_EQ(ladder.score(), 0);
  EXPECT_EQ(ladder.strikes(), 1);
}

TEST(LadderTest, FromHoldToSuspendIsOneStrike) {
  Ladder ladder;
  ladder.raise(100, kStart, kPolicy);
  EXPECT_TRUE(ladder.raise(300, kStart + 1, kPolicy));
  EXPECT_EQ(ladder.step(), Step::suspend);
  EXPECT_EQ(ladder.strikes(), 1);
  EXPECT_FALSE(ladder.is_over(kStart + 71 * kHour));
  EXPECT_TRUE(ladder.is_over(kStart + 73 * kHour));
}

TEST(LadderTest, TheThirdStrikeSuspends) {
  Ladder ladder;
  for (Minute strike = 0; strike < 3; ++strike) {
    EXPECT_TRUE(ladder.raise(100, kStart + strike * 2 * kDay, kPolicy));
    EXPECT_EQ(ladder.step(), strike < 2 ? Step::hold : Step::suspend);
    ladder.lift();
  }
}

TEST(LadderTest, AStrikeMakesTheNextHoldComeSooner) {
  Ladder ladder;
  ladder.raise(100, kStart, kPolicy);
  ladder.lift();
  EXPECT_FALSE(ladder.raise(20, kStart + 2 * kDay, kPolicy) && ladder.step() >= Step::hold);
  EXPECT_TRUE(ladder.raise(67, kStart + 2 * kDay, kPolicy));
  EXPECT_EQ(ladder.step(), Step::hold);
}

TEST(LadderTest, StrikesAreForgottenAfterAMonth) {
  Ladder ladder;
  ladder.raise(100, kStart, kPolicy);
  ladder.lift();
  ladder.raise(100, kStart + 2 * kDay, kPolicy);
  ladder.lift();
  EXPECT_EQ(ladder.strikes(), 2);
  ladder.raise(70, kStart + 33 * kDay, kPolicy);
  EXPECT_EQ(ladder.step(), Step::slow);
  EXPECT_EQ(ladder.strikes(), 0);
}

}  // namespace
}  // namespace sluice::noticing
