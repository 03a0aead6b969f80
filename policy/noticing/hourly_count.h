// A count of the last 24 hours, in a bucket an hour: what is an hour too old goes.  Values; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "policy/noticing/fields.h"

namespace sluice::noticing {

inline constexpr std::uint32_t kHoursOfDay = 24;

class HourlyCount {
 public:
  void add(std::uint32_t hour, std::uint32_t amount) {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint16_t>::max();
    std::uint16_t& bucket = buckets_[hour % kHoursOfDay];
    bucket = static_cast<std::uint16_t>(std::min(kMost, bucket + std::min(amount, kMost)));
  }
  [[nodiscard]] std::uint32_t sum() const {
    std::uint32_t all = 0;
    for (const std::uint16_t bucket : buckets_) all += bucket;
    return all;
  }
  // From hour `from`, up to which it was brought, to a later one.
  void advance(std::uint32_t from, std::uint32_t to) {
    if (to - from >= kHoursOfDay) {
      buckets_.fill(0);
      return;
    }
    for (std::uint32_t hour = from + 1; hour <= to; ++hour) buckets_[hour % kHoursOfDay] = 0;
  }
  // The clock that hours are of was set by so many.
  void set_clock(std::int64_t hours) {
    constexpr std::int64_t kDay = kHoursOfDay;
    const auto by = static_cast<std::ptrdiff_t>((hours % kDay + kDay) % kDay);
    std::ranges::rotate(buckets_, buckets_.end() - by);
  }
  void visit(this auto& self, auto& fields) {
    fields.used(self.buckets_, [](std::uint16_t bucket) { return bucket > 0; });
  }

 private:
  std::array<std::uint16_t, kHoursOfDay> buckets_{};
};

}  // namespace sluice::noticing
