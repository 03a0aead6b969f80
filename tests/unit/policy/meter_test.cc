#include "policy/meter.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::policy {
namespace {

constexpr WallMillis kMeterStart = 1'795'900'000'000;

Limit recipients(Span span, std::uint64_t amount, Action action = Action::refuse) {
  return {.quantity = Quantity::recipients, .span = span, .amount = amount, .action = action};
}

TEST(Meter, WhatIsHeldCountsUntilItIsGivenBackHoweverLongThatTakes) {
  const std::vector limits{recipients(Span::minute, 10)};
  Meter meter;
  ASSERT_EQ(meter.room(limits, true, kMeterStart), 10U);
  meter.hold(10);
  EXPECT_EQ(meter.room(limits, true, kMeterStart + span_ms(Span::day)), 0U);
  meter.give_back(4);
  EXPECT_EQ(meter.room(limits, true, kMeterStart + span_ms(Span::day)), 4U);
  // Spent late, it counts from then on: reserving early is no way around the window.
  meter.spend(6, kMeterStart + span_ms(Span::day));
  EXPECT_EQ(meter.room(limits, true, kMeterStart + span_ms(Span::day) + span_ms(Span::minute)), 4U);
  EXPECT_EQ(meter.room(limits, true, kMeterStart + span_ms(Span::day) + 2 * span_ms(Span::minute)), 10U);
}

TEST(Meter, EveryWindowMustHaveRoom) {
  const std::vector limits{recipients(Span::hour, 5), recipients(Span::day, 7)};
  Meter meter;
  ASSERT_EQ(meter.room(limits, true, kMeterStart), 5U);
  meter.hold(5);
  meter.spend(5, kMeterStart);
  const auto full = meter.full(limits, true, 1, kMeterStart);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->limit.span, Span::hour);
  EXPECT_EQ(full->used, 5U);
  const WallMillis later = kMeterStart + *full->free_in_ms;
  EXPECT_EQ(meter.room(limits, true, later - 1), 0U);
  EXPECT_EQ(meter.room(limits, true, later), 2U);
  const auto day = meter.full(limits, true, 3, later);
  ASSERT_TRUE(day);
  EXPECT_EQ(day->limit.span, Span::day);
}

TEST(Meter, WhatNoWindowCouldEverTakeIsNeverFree) {
  const std::vector limits{recipients(Span::minute, 10), recipients(Span::day, 100)};
  Meter meter;
  ASSERT_EQ(meter.room(limits, true, kMeterStart), 10U);
  const auto full = meter.full(limits, true, 11, kMeterStart);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->limit.span, Span::minute);
  EXPECT_FALSE(full->free_in_ms);
}

TEST(Meter, LimitsThatRefuseNothingLeaveRoom) {
  const std::vector limits{recipients(Span::hour, 2, Action::tell), recipients(Span::day, 9)};
  Meter meter;
  ASSERT_EQ(meter.room(limits, true, kMeterStart), 9U);
  meter.hold(3);
  EXPECT_EQ(meter.room(limits, true, kMeterStart), 6U);
  EXPECT_FALSE(meter.full(limits, true, 1, kMeterStart));
  const auto passed = meter.full(limits, false, 1, kMeterStart);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->limit.span, Span::hour);
}

// A message is held though it also passes a limit that only tells, and for longer.
TEST(Meter, OfLimitsThatWerePassedTheGravestCounts) {
  for (const Action less : {Action::tell, Action::slow})
    for (const bool hold_is_longer : {false, true}) {
      const std::vector limits{recipients(Span::hour, 2, hold_is_longer ? less : Action::hold),
                               recipients(Span::day, 2, hold_is_longer ? Action::hold : less)};
      Meter meter;
      ASSERT_FALSE(meter.full(limits, false, 2, kMeterStart));
      meter.hold(2);
      meter.spend(2, kMeterStart);
      EXPECT_EQ(meter.full(limits, false, 1, kMeterStart)->limit.action, Action::hold);
    }
}

TEST(Meter, SaysOnceThatALimitIsNear) {
  const std::vector limits{recipients(Span::day, 10)};
  Meter meter;
  EXPECT_FALSE(meter.nears(limits, 80, 7, kMeterStart));
  meter.hold(7);
  const auto near = meter.nears(limits, 80, 1, kMeterStart);
  ASSERT_TRUE(near);
  EXPECT_EQ(near->used, 8U);
  meter.hold(1);
  EXPECT_FALSE(meter.nears(limits, 80, 1, kMeterStart));
}

TEST(Meter, AWindowThatAReloadBringsBeginsWithWhatALongerOneKnows) {
  Meter meter;
  const std::vector before{recipients(Span::day, 100)};
  ASSERT_EQ(meter.room(before, true, kMeterStart - span_ms(Span::hour) * 3), 100U);
  meter.hold(30);
  meter.spend(10, kMeterStart - span_ms(Span::hour) * 3);
  meter.spend(20, kMeterStart);
  const std::vector after{recipients(Span::day, 100), recipients(Span::hour, 25)};
  EXPECT_EQ(meter.room(after, true, kMeterStart + 1000), 5U);
}

TEST(Meter, IsIdleOnceNothingIsLeftInIt) {
  const std::vector limits{recipients(Span::minute, 10)};
  Meter meter;
  ASSERT_EQ(meter.room(limits, true, kMeterStart), 10U);
  EXPECT_TRUE(meter.idle(kMeterStart));
  meter.hold(1);
  EXPECT_FALSE(meter.idle(kMeterStart));
  meter.spend(1, kMeterStart);
  EXPECT_FALSE(meter.idle(kMeterStart));
  EXPECT_TRUE(meter.idle(kMeterStart + 2 * span_ms(Span::minute)));
}

}  // namespace
}  // namespace sluice::policy
