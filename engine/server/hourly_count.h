// A count of the last 24 hours, in a bucket an hour: what is an hour too old goes.  Values; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace sluice::server {

class HourlyCount {
 public:
  static constexpr std::uint32_t kHoursOfDay = 24;

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

 private:
  std::array<std::uint16_t, kHoursOfDay> buckets_{};
};

}  // namespace sluice::server
