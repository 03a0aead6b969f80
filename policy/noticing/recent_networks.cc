#include "policy/noticing/recent_networks.h"

#include <algorithm>

#include "policy/noticing/recent_hours.h"

namespace sluice::noticing {

void RecentNetworks::add(std::uint64_t network, CountryCode country, std::uint32_t hour) {
  const auto key = static_cast<std::uint16_t>(network >> 48);
  const auto now = static_cast<std::uint16_t>(hour);
  const Entry added{.network = key, .hour = now, .country = country};
  const auto found = std::ranges::find(entries_.all(), key, &Entry::network);
  if (found != entries_.all().end()) {
    *found = added;
  } else if (!entries_.full()) {
    entries_.append(added);
  } else {
    *std::ranges::max_element(entries_.all(), {},
                              [now](const Entry& each) { return static_cast<std::uint16_t>(now - each.hour); }) = added;
  }
}

void RecentNetworks::forget(std::uint32_t hour) {
  const auto now = static_cast<std::uint16_t>(hour);
  entries_.remove_if([now](const Entry& each) { return static_cast<std::uint16_t>(now - each.hour) >= kHoursOfDay; });
}

void RecentNetworks::set_clock(std::int64_t hours) {
  for (Entry& entry : entries_.all()) entry.hour = static_cast<std::uint16_t>(entry.hour + hours);
}

std::uint32_t RecentNetworks::countries() const {
  std::uint32_t different = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const CountryCode country = entries_.all()[i].country;
    if (country == CountryCode{}) continue;
    const auto before = entries_.all().first(i);
    if (std::ranges::find(before, country, &Entry::country) == before.end()) ++different;
  }
  return different;
}

}  // namespace sluice::noticing
