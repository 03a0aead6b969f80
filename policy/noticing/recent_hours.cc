#include "policy/noticing/recent_hours.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace sluice::noticing {
namespace {

// How many hours before `hour`, up to a few years.
std::uint16_t hours_before(std::uint32_t hour, const HourCounts& each) {
  return static_cast<std::uint16_t>(hour - each.hour);
}

}  // namespace

void RecentHours::add(std::uint32_t hour, Count count, std::uint32_t amount) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint16_t>::max();
  if (hours_.size() == 0 || hours_before(hour, hours_.all().back()) != 0) {
    forget(hour);
    hours_.append({.hour = static_cast<std::uint16_t>(hour)});
  }
  HourCounts& counts = hours_.all().back();
  counts.*count = static_cast<std::uint16_t>(std::min(kMost, counts.*count + std::min(amount, kMost)));
}

std::uint32_t RecentHours::sum(Count count) const {
  std::uint32_t all = 0;
  for (const HourCounts& each : hours_.all()) all += each.*count;
  return all;
}

void RecentHours::forget(std::uint32_t hour) {
  hours_.remove_if([hour](const HourCounts& each) { return hours_before(hour, each) >= kHoursOfDay; });
}

void RecentHours::set_clock(std::int64_t hours) {
  for (HourCounts& each : hours_.all()) each.hour = static_cast<std::uint16_t>(each.hour + hours);
}

bool RecentHours::is_sound(std::uint32_t hour) const {
  const auto age = [hour](const HourCounts& each) { return hours_before(hour, each); };
  return (hours_.size() == 0 || age(hours_.all().front()) < kHoursOfDay) &&
         std::ranges::adjacent_find(hours_.all(), std::less_equal{}, age) == hours_.all().end();
}

}  // namespace sluice::noticing
