// A sliding window: how much of something there was within the last minute, hour, day or month.  60 buckets a window;
// the bucket that is leaving counts until it has left as a whole, so that a sum is never too small: it covers the
// window's length and at most one bucket more.  Pure; one thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "engine/base/time.h"
#include "policy/limit.h"

namespace sluice::policy {

[[nodiscard]] inline std::int64_t span_ms(Span span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span_length(span)).count();
}
[[nodiscard]] inline std::int64_t bucket_ms(Span span) { return span_ms(span) / 60; }

class SlidingWindow {
 public:
  static constexpr std::int64_t kBuckets = 60;

  explicit SlidingWindow(Span span) : bucket_ms_(span_ms(span) / kBuckets) {}

  // When the newest bucket began.
  [[nodiscard]] WallMillis newest() const { return newest_ * bucket_ms_; }

  [[nodiscard]] std::int64_t bucket_ms() const { return bucket_ms_; }
  // `now` never goes back: see Meter.
  [[nodiscard]] std::uint64_t sum(WallMillis now);
  void add(WallMillis now, std::uint64_t amount);
  // When the sum has fallen to `most` if nothing is added: of a sum that is greater.
  [[nodiscard]] WallMillis falls_to(std::uint64_t most) const;
  // visit(start of the bucket, amount) for each that is not empty, the oldest first.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::int64_t bucket = newest_ - kBuckets; bucket <= newest_; ++bucket) {
      const std::uint32_t amount = bucket < 0 ? 0 : at(bucket);
      if (amount > 0) visit(WallMillis{bucket * bucket_ms_}, amount);
    }
  }

 private:
  static constexpr std::size_t kSlots = kBuckets + 1;  // the one that is leaving, too

  [[nodiscard]] std::uint32_t at(std::int64_t bucket) const {
    return counts_[static_cast<std::size_t>(bucket) % kSlots];
  }
  void advance(WallMillis now);

  std::int64_t bucket_ms_;
  std::int64_t newest_ = 0;  // number of the newest bucket, since 1970
  std::uint64_t sum_ = 0;
  std::array<std::uint32_t, kSlots> counts_{};
};

}  // namespace sluice::policy
