#include "policy/noticing/recent_networks.h"

#include <algorithm>
#include <span>

#include "policy/noticing/hourly_count.h"

namespace sluice::noticing {

void RecentNetworks::add(std::uint64_t network, CountryCode country, std::uint32_t hour) {
  const auto key = static_cast<std::uint16_t>(network >> 48);
  const std::span<Entry> held = std::span(entries_).first(size_);
  const auto found = std::ranges::find(held, key, &Entry::network);
  Entry* entry = nullptr;
  if (found != held.end()) {
    entry = &*found;
  } else if (size_ < entries_.size()) {
    entry = &entries_[size_++];
  } else {
    const auto now = static_cast<std::uint16_t>(hour);
    entry = &*std::ranges::max_element(
        held, {}, [now](const Entry& each) { return static_cast<std::uint16_t>(now - each.hour); });
  }
  *entry = {.network = key, .hour = static_cast<std::uint16_t>(hour), .country = country};
}

void RecentNetworks::forget(std::uint32_t hour) {
  const auto now = static_cast<std::uint16_t>(hour);
  const auto is_old = [now](const Entry& each) { return static_cast<std::uint16_t>(now - each.hour) >= kHoursOfDay; };
  const std::span<Entry> held = std::span(entries_).first(size_);
  size_ = static_cast<std::uint8_t>(std::ranges::remove_if(held, is_old).begin() - held.begin());
}

void RecentNetworks::set_clock(std::int64_t hours) {
  for (Entry& entry : std::span(entries_).first(size_)) entry.hour = static_cast<std::uint16_t>(entry.hour + hours);
}

std::uint32_t RecentNetworks::countries() const {
  std::uint32_t different = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const CountryCode country = entries_[i].country;
    if (country == CountryCode{}) continue;
    const auto before = std::span(entries_).first(i);
    if (std::ranges::find(before, country, &Entry::country) == before.end()) ++different;
  }
  return different;
}

}  // namespace sluice::noticing
