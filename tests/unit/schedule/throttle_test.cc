// What one destination is thought to bear: windows, slow start, back-off, pauses, rates, suspension.
#include "engine/schedule/throttle.h"

#include <gtest/gtest.h>

namespace sluice::schedule {
namespace {

using namespace std::chrono_literals;
using Change = Throttle::Change;

class ThrottleTest : public ::testing::Test {
 protected:
  void make() { throttle = Throttle(options); }
  bool start() { return throttle.start(options, now); }
  std::uint32_t fill() {
    std::uint32_t started = 0;
    for (; throttle.room(now) > 0; ++started) start();
    return started;
  }
  Change finish(Verdict verdict, bool probe = false) { return throttle.finish(options, verdict, probe, now, random); }
  // As long as there is work: every delivery is followed by new starts.
  void deliver(int count) {
    for (int i = 0; i < count; ++i) {
      fill();
      finish(Verdict::delivered);
    }
    while (throttle.running() > 0) finish(Verdict::not_tried);
  }

  ThrottleOptions options;
  Throttle throttle{options};
  Instant now = Instant() + std::chrono::hours(1);
  std::uint64_t random = 0;
};

TEST_F(ThrottleTest, StartsWithASmallWindow) {
  EXPECT_EQ(throttle.room(now), 2U);
  EXPECT_EQ(fill(), 2U);
  EXPECT_EQ(throttle.room(now), 0U);
  EXPECT_EQ(throttle.room_at(), Instant::max());
}

TEST_F(ThrottleTest, EachDeliveryWidensTheWindowUpToTheMost) {
  deliver(1);
  EXPECT_EQ(throttle.window(), 3U);
  deliver(10);
  EXPECT_EQ(throttle.window(), 13U);
  deliver(100);
  EXPECT_EQ(throttle.window(), 20U);
}

TEST_F(ThrottleTest, AWindowOfWhichNoUseIsMadeDoesNotGrow) {
  for (int i = 0; i < 100; ++i) {
    start();
    finish(Verdict::delivered);
  }
  EXPECT_LE(throttle.window(), 3U);
}

TEST_F(ThrottleTest, RefusalsNeitherWidenNorNarrow) {
  fill();
  finish(Verdict::refused);
  EXPECT_EQ(throttle.window(), 2U);
}

TEST_F(ThrottleTest, A4xxHalvesTheWindowOnceForAllThatWasUnderWay) {
  deliver(100);
  fill();
  for (int i = 0; i < 20; ++i) finish(Verdict::deferred);
  EXPECT_EQ(throttle.window(), 10U);
  fill();
  finish(Verdict::deferred);
  EXPECT_EQ(throttle.window(), 5U);
}

TEST_F(ThrottleTest, AboveWhereItWasTooMuchItGrowsByOneAWindowful) {
  deliver(100);
  fill();
  for (int i = 0; i < 20; ++i) finish(Verdict::deferred);
  ASSERT_EQ(throttle.window(), 10U);
  deliver(9);
  EXPECT_EQ(throttle.window(), 10U);
  deliver(1);
  EXPECT_EQ(throttle.window(), 11U);
  deliver(11);
  EXPECT_EQ(throttle.window(), 12U);
}

TEST_F(ThrottleTest, AtAWindowOfOneStartsAreSpacedEverMore) {
  Duration last{};
  for (int i = 0; i < 20; ++i) {
    ASSERT_GT(throttle.room(now), 0U);
    start();
    finish(Verdict::deferred);
    if (i == 0) {
      EXPECT_EQ(throttle.window(), 1U);
      continue;
    }
    EXPECT_EQ(throttle.room(now), 0U);
    EXPECT_EQ(throttle.room_at() - now, std::min<Duration>(1s * (1 << std::min(i - 1, 10)), 1min));
    last = throttle.room_at() - now;
    now = throttle.room_at();
  }
  EXPECT_EQ(last, 1min);
  // And deliveries shorten the pause, before they widen the window.
  int deliveries = 0;
  while (throttle.window() == 1) {
    ASSERT_LT(++deliveries, 10);
    now = std::max(now, throttle.room_at());
    start();
    finish(Verdict::delivered);
  }
  EXPECT_EQ(deliveries, 7);
  EXPECT_EQ(throttle.interval(options), Duration::zero());
}

TEST_F(ThrottleTest, KeepsToARate) {
  options.messages_per_second = 50;
  options.concurrency_start = options.concurrency_max = 1000;
  make();
  EXPECT_EQ(fill(), 5U);  // what falls into a tenth of a second
  EXPECT_EQ(throttle.room_at(), now + 20ms);
  now += 20ms;
  EXPECT_EQ(fill(), 1U);
  int started = 0;
  for (int i = 0; i < 1000; ++i) {
    now += 13ms;
    started += static_cast<int>(fill());
  }
  EXPECT_GE(started, 649);
  EXPECT_LE(started, 650);
  now += 1h;
  EXPECT_EQ(fill(), 5U);
}

TEST_F(ThrottleTest, KeepsToARateOfLessThanOneASecond) {
  options.messages_per_second = 0.01;
  make();
  EXPECT_EQ(fill(), 1U);
  EXPECT_EQ(throttle.room_at(), now + 100s);
  now += 99s;
  EXPECT_EQ(fill(), 0U);
  now += 1s;
  EXPECT_EQ(fill(), 1U);
}

TEST_F(ThrottleTest, IsSuspendedWhenUnreachableForATimeThatDoubles) {
  start();
  EXPECT_EQ(finish(Verdict::unreachable), Change::suspended);
  Duration expected = 1min;
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(throttle.suspended());
    EXPECT_EQ(throttle.room(now), 0U);
    EXPECT_EQ(throttle.room_at(), now + expected);
    now = throttle.room_at();
    EXPECT_EQ(throttle.room(now), 1U);
    EXPECT_TRUE(start());
    EXPECT_EQ(throttle.room(now), 0U) << "one probe";
    EXPECT_EQ(finish(Verdict::unreachable, true), Change::suspended);
    expected = std::min<Duration>(expected * 2, 1h);
  }
}

TEST_F(ThrottleTest, ChanceShortensASuspensionByAQuarterAtMost) {
  random = UINT64_MAX;
  start();
  finish(Verdict::unreachable);
  EXPECT_GE(throttle.room_at(), now + 45s);
  EXPECT_LT(throttle.room_at(), now + 46s);
}

TEST_F(ThrottleTest, ToleratesAsManyFailuresInARowAsConfigured) {
  options.unreachable_max = 3;
  options.concurrency_start = options.concurrency_max;
  make();
  fill();
  EXPECT_EQ(finish(Verdict::unreachable), Change::none);
  EXPECT_EQ(finish(Verdict::unreachable), Change::none);
  EXPECT_EQ(finish(Verdict::refused), Change::none);  // an answer
  EXPECT_EQ(finish(Verdict::unreachable), Change::none);
  EXPECT_EQ(finish(Verdict::unreachable), Change::none);
  EXPECT_EQ(finish(Verdict::unreachable), Change::suspended);
}

TEST_F(ThrottleTest, FailuresOfWhatWasUnderWaySuspendOnlyOnce) {
  deliver(100);
  fill();
  EXPECT_EQ(finish(Verdict::unreachable), Change::suspended);
  const Instant until = throttle.room_at();
  now += 10s;
  while (throttle.running() > 0) EXPECT_EQ(finish(Verdict::unreachable), Change::none);
  EXPECT_EQ(throttle.room_at(), until);
}

TEST_F(ThrottleTest, AnyAnswerEndsASuspension) {
  for (const Verdict answer : {Verdict::delivered, Verdict::refused, Verdict::deferred}) {
    make();
    deliver(100);
    start();
    finish(Verdict::unreachable);
    now = throttle.room_at();
    EXPECT_TRUE(start());
    EXPECT_EQ(finish(answer, true), Change::resumed);
    EXPECT_FALSE(throttle.suspended());
    EXPECT_EQ(throttle.window(), answer == Verdict::deferred ? 1U : 2U);  // slow start
    // And the next one is short again.
    start();
    EXPECT_EQ(finish(Verdict::unreachable), Change::suspended);
    EXPECT_EQ(throttle.room_at(), now + 1min);
  }
}

TEST_F(ThrottleTest, ADeliveryOfWhatWasUnderWayEndsASuspension) {
  fill();
  finish(Verdict::unreachable);
  EXPECT_EQ(finish(Verdict::delivered), Change::resumed);
  EXPECT_GT(throttle.room(now), 0U);
}

TEST_F(ThrottleTest, AProbeThatWasNotTriedSaysNothing) {
  start();
  finish(Verdict::unreachable);
  now = throttle.room_at();
  EXPECT_TRUE(start());
  EXPECT_EQ(finish(Verdict::not_tried, true), Change::none);
  EXPECT_TRUE(throttle.suspended());
  EXPECT_EQ(throttle.room(now), 1U);
}

TEST_F(ThrottleTest, ResettingTheBackoffLetsAProbeGoAtOnce) {
  start();
  finish(Verdict::unreachable);
  throttle.reset_backoff(now);
  EXPECT_EQ(throttle.room(now), 1U);
  EXPECT_TRUE(start());
  finish(Verdict::unreachable, true);
  EXPECT_EQ(throttle.room_at(), now + 2min);  // it was not forgotten
}

}  // namespace
}  // namespace sluice::schedule
