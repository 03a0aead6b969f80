// A sliding window: how much of something there was within the last minute, hour, day or month.  60 buckets a window;
// the bucket that is leaving counts until it has left as a whole, so that a sum is never too small: it covers the
// window's length and at most one bucket more.  Only buckets that something is in take memory: 24 bytes for the window,
// 5 for each bucket, as most accounts send in a few of them.  Pure; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

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

  explicit SlidingWindow(Span span) : at_{.span = span} {}
  SlidingWindow(SlidingWindow&& other) noexcept
      : sum_(std::exchange(other.sum_, 0)),
        counts_(std::move(other.counts_)),
        at_(std::exchange(other.at_, {.span = other.at_.span})) {}
  SlidingWindow& operator=(SlidingWindow&&) = delete;
  ~SlidingWindow() = default;

  // When the newest bucket began.
  [[nodiscard]] WallMillis newest() const { return newest_bucket() * bucket_ms(); }

  [[nodiscard]] std::int64_t bucket_ms() const { return policy::bucket_ms(at_.span); }
  // `now` never goes back: see Meter.
  [[nodiscard]] std::uint64_t sum(WallMillis now);
  void add(WallMillis now, std::uint64_t amount);
  // When the sum has fallen to `most` if nothing is added: of a sum that is greater.
  [[nodiscard]] WallMillis falls_to(std::uint64_t most) const;
  // visit(start of the bucket, amount) for each that is not empty, the oldest first.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < at_.size; ++i) visit(WallMillis{bucket_of(i) * bucket_ms()}, counts_[i]);
  }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return words(at_.capacity) * sizeof(std::uint32_t); }

 private:
  static constexpr std::size_t kSlots = kBuckets + 1;  // the one that is leaving, too
  static constexpr int kNewestBits = 44;               // of a bucket's number: half a million years of seconds

  // Of the counts of so many buckets, and behind them the low byte of each one's number.
  [[nodiscard]] static constexpr std::size_t words(std::size_t capacity) {
    return capacity + (capacity + sizeof(std::uint32_t) - 1) / sizeof(std::uint32_t);
  }
  [[nodiscard]] static std::uint8_t* numbers(std::uint32_t* counts, std::size_t capacity) {
    return reinterpret_cast<std::uint8_t*>(counts + capacity);
  }
  [[nodiscard]] std::uint8_t* numbers() const { return numbers(counts_.get(), at_.capacity); }
  [[nodiscard]] std::int64_t newest_bucket() const { return static_cast<std::int64_t>(at_.newest); }
  // The number, since 1970, of the bucket at that place.
  [[nodiscard]] std::int64_t bucket_of(std::size_t place) const {
    return newest_bucket() - static_cast<std::uint8_t>(at_.newest - numbers()[place]);
  }
  void advance(WallMillis now);
  void append_newest();
  void grow();

  struct Place {
    std::uint64_t newest : kNewestBits = 0;  // number of the newest bucket, since 1970
    std::uint64_t size : 8 = 0;
    std::uint64_t capacity : 8 = 0;
    Span span : 4 = Span::minute;
  };

  std::uint64_t sum_ = 0;
  std::unique_ptr<std::uint32_t[]> counts_;  // of those that are not empty, the oldest first
  Place at_;
};
static_assert(sizeof(SlidingWindow) == 24);

}  // namespace sluice::policy
