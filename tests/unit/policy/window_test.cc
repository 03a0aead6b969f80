#include "policy/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace sluice::policy {
namespace {

constexpr WallMillis kStart = 1'795'900'000'000;

// What a window has to be: a count for each of its buckets, which are looked through for everything.
class PlainWindow {
 public:
  explicit PlainWindow(Span span) : bucket_ms_(bucket_ms(span)) {}
  void add(WallMillis now, std::uint64_t amount) {
    advance(now);
    counts_[newest_] += amount;
  }
  std::uint64_t sum(WallMillis now) {
    advance(now);
    std::uint64_t all = 0;
    for (const auto& [start, amount] : buckets()) all += amount;
    return all;
  }
  [[nodiscard]] std::vector<std::pair<WallMillis, std::uint64_t>> buckets() const {
    std::vector<std::pair<WallMillis, std::uint64_t>> found;
    for (const auto& [bucket, amount] : counts_)
      if (amount > 0) found.emplace_back(bucket * bucket_ms_, amount);
    return found;
  }

 private:
  void advance(WallMillis now) {
    newest_ = std::max(newest_, now / bucket_ms_);
    std::erase_if(counts_, [this](const auto& each) { return each.first < newest_ - SlidingWindow::kBuckets; });
  }

  std::int64_t bucket_ms_;
  std::int64_t newest_ = 0;
  std::map<std::int64_t, std::uint64_t> counts_;
};

std::vector<std::pair<WallMillis, std::uint64_t>> buckets_of(const SlidingWindow& window) {
  std::vector<std::pair<WallMillis, std::uint64_t>> found;
  window.for_each([&](WallMillis start, std::uint64_t amount) { found.emplace_back(start, amount); });
  return found;
}

TEST(SlidingWindow, IsWhatPlainBucketsAre) {
  std::mt19937_64 random(11);
  for (const Span span : {Span::minute, Span::hour, Span::day, Span::month})
    // How far apart uses are at most, in buckets: each has some, many have one, few are left.
    for (const std::int64_t apart : {1, 3, 20, 90}) {
      SlidingWindow window(span);
      PlainWindow plain(span);
      WallMillis now = kStart;
      for (int i = 0; i < 2000; ++i) {
        now += static_cast<WallMillis>(random() % static_cast<std::uint64_t>(apart * bucket_ms(span)));
        // A core's clock may be behind another's.
        const WallMillis at = random() % 4 == 0 ? now - bucket_ms(span) : now;
        const std::uint64_t amount = random() % 3;
        window.add(at, amount);
        plain.add(at, amount);
        ASSERT_EQ(buckets_of(window), plain.buckets());
        const std::uint64_t sum = plain.sum(at);
        ASSERT_EQ(window.sum(at), sum);
        if (sum == 0) continue;
        const std::uint64_t most = random() % sum;
        SlidingWindow moved = std::move(window);
        const WallMillis falls = moved.falls_to(most);
        PlainWindow later = plain;
        ASSERT_GT(later.sum(falls - 1), most);
        ASSERT_LE(later.sum(falls), most);
        std::destroy_at(&window);
        std::construct_at(&window, std::move(moved));
      }
    }
}

TEST(SlidingWindow, TakesMemoryOnlyForBucketsThatSomethingIsIn) {
  SlidingWindow window(Span::hour);
  EXPECT_EQ(window.sum(kStart), 0U);
  EXPECT_EQ(window.bytes(), 0U);
  window.add(kStart, 1'000'000);
  EXPECT_EQ(window.bytes(), 16U);
  window.add(kStart + bucket_ms(Span::hour), 1);
  window.add(kStart + 50 * bucket_ms(Span::hour), 1);
  EXPECT_EQ(window.bytes(), 16U);
  for (int i = 0; i < 1000; ++i) window.add(kStart + i * 5 * bucket_ms(Span::hour), 1);
  EXPECT_LE(window.bytes(), 5U * 13 + 5 * 13 / 4);
  for (int i = 0; i < 1000; ++i) window.add(kStart + (5000 + i) * bucket_ms(Span::hour), 1);
  EXPECT_EQ(window.bytes(), 308U);
}

TEST(SlidingWindow, ABucketHoldsNoMoreThanItsBytes) {
  SlidingWindow window(Span::month);
  window.add(kStart, 4'000'000'000U);
  window.add(kStart, 4'000'000'000U);
  EXPECT_EQ(window.sum(kStart), 4'294'967'295U);
  EXPECT_EQ(window.sum(kStart + 2 * span_ms(Span::month)), 0U);
}

TEST(SlidingWindow, NoTimeIsTooFarAway) {
  SlidingWindow window(Span::minute);
  window.add(-1, 2);
  EXPECT_EQ(window.sum(0), 2U);
  window.add(std::numeric_limits<WallMillis>::max(), 3);
  EXPECT_EQ(window.sum(std::numeric_limits<WallMillis>::max()), 3U);
}

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
  EXPECT_EQ(window.sum(at - 1), 7U);
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
