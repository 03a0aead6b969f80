// How long something took each time: a histogram with fixed buckets, which counts without an allocation.  A value; one
// thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/time.h"

namespace sluice {

// Upper bounds of buckets, which count as inside: of what a stage of a session or of an attempt takes,
inline constexpr std::array<Duration, 13> kStageBounds{
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(10),
    std::chrono::seconds(60)};
// and of how long mail waits in the queue.
inline constexpr std::array<Duration, 12> kQueueBounds{
    std::chrono::milliseconds(100), std::chrono::seconds(1), std::chrono::seconds(5),    std::chrono::seconds(15),
    std::chrono::minutes(1),        std::chrono::minutes(5), std::chrono::minutes(15),   std::chrono::hours(1),
    std::chrono::hours(4),          std::chrono::hours(24),  std::chrono::hours(3 * 24), std::chrono::hours(5 * 24)};

template <const auto& kBounds>
class SpanHistogram {
 public:
  // A span below zero, which a wall clock that was set gives, counts as zero.
  void observe(Duration span, std::uint64_t count = 1) {
    const Duration counted = std::max(span, Duration::zero());
    const auto at = std::ranges::lower_bound(kBounds, counted) - kBounds.begin();
    counts_[static_cast<std::size_t>(at)] += count;
    sum_seconds_ += std::chrono::duration<double>(counted).count() * static_cast<double>(count);
  }

  [[nodiscard]] static std::span<const Duration> bounds() { return kBounds; }
  // Of each bucket alone; the last one is of what is above all bounds.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  [[nodiscard]] double sum_seconds() const { return sum_seconds_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_seconds_ = 0;
};

using StageTimes = SpanHistogram<kStageBounds>;
using QueueTimes = SpanHistogram<kQueueBounds>;

}  // namespace sluice
