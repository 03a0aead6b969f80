#include "policy/window.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sluice::policy {
namespace {

constexpr WallMillis kStart = 1'795'900'000'000;

TEST(SlidingWindow, CountsForItsWholeLengthAndAtMostOneBucketMore) {
  for (const Span span : {Span::minute, Span::hour, Span::day, Span::month}) {
    SlidingWindow window(span);
    window.add(kStart, 7);
    EXPECT_EQ(window.sum(kStart + span_ms(span)), 7U);
    EXPECT_EQ(window.sum(kStart + span_ms(span) + 2 * bucket_ms(span)), 0U);
  }
}

TEST(SlidingWindow, IsNeverBelowWhatWasAddedWithinItsLength) {
  std::mt19937_64 random(7);
  SlidingWindow window(Span::minute);
  std::multimap<WallMillis, std::uint64_t> added;
  WallMillis now = kStart;
  for (int i = 0; i < 20'000; ++i) {
    now += static_cast<WallMillis>(random() % 3 == 0 ? random() % 90'000 : random() % 1'500);
    const std::uint64_t amount = random() % 5;
    window.add(now, amount);
    added.emplace(now, amount);
    std::uint64_t least = 0;
    std::uint64_t most = 0;
    for (const auto& [at, each] : added) {
      if (at > now - span_ms(Span::minute)) least += each;
      if (at > now - span_ms(Span::minute) - 2 * bucket_ms(Span::minute)) most += each;
    }
    ASSERT_GE(window.sum(now), least);
    ASSERT_LE(window.sum(now), most);
    while (!added.empty() && added.begin()->first < now - 2 * span_ms(Span::minute)) added.erase(added.begin());
  }
}

TEST(SlidingWindow, SaysWhenItHasFallen) {
  SlidingWindow window(Span::hour);
  window.add(kStart, 3);
  window.add(kStart + 10 * bucket_ms(Span::hour), 4);
  const WallMillis now = kStart + 20 * bucket_ms(Span::hour);
  ASSERT_EQ(window.sum(now), 7U);
  const WallMillis at = window.falls_to(4);
  SlidingWindow early = window;
  EXPECT_EQ(early.sum(at - 1), 7U);
  EXPECT_EQ(window.sum(at), 4U);
  EXPECT_EQ(window.sum(window.falls_to(0)), 0U);
}

TEST(SlidingWindow, AClockThatGoesBackChangesNothing) {
  SlidingWindow window(Span::minute);
  window.add(kStart, 5);
  EXPECT_EQ(window.sum(kStart - span_ms(Span::month)), 5U);
  window.add(kStart - span_ms(Span::month), 1);
  EXPECT_EQ(window.sum(kStart), 6U);
}

}  // namespace
}  // namespace sluice::policy
