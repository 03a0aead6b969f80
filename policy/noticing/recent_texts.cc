#include "policy/noticing/recent_texts.h"

#include <algorithm>
#include <limits>

#include "policy/noticing/recent_hours.h"

namespace sluice::noticing {

// Half a day after another; in a straight line between.
std::uint32_t RecentTexts::Entry::left(std::uint16_t count, std::uint16_t now) const {
  const std::uint32_t hours = static_cast<std::uint16_t>(now - hour);
  const std::uint32_t days = hours / kHoursOfDay;
  if (days >= std::numeric_limits<std::uint16_t>::digits) return 0;
  const std::uint32_t at_day = std::uint32_t{count} >> days;
  return at_day - at_day * (hours % kHoursOfDay) / (2 * kHoursOfDay);
}

// Its own, or that of the one which fewest had: a text to many is not to be driven out by eight others.
RecentTexts::Entry& RecentTexts::place_of(const TextSketch& text, std::uint16_t now) {
  for (Entry& entry : entries_.all()) {
    if (entry.text.same_text(text)) return entry;
  }
  const auto left = [now](const Entry& each) { return each.left(each.recipients, now); };
  const Entry fresh{.text = text, .hour = now};
  const auto least = std::ranges::min_element(entries_.all(), {}, left);
  if (!entries_.full() && (entries_.size() == 0 || left(*least) > 0)) return entries_.append(fresh);
  return *least = fresh;
}

void RecentTexts::add(const TextSketch& text, std::uint32_t recipients, bool list_unsubscribe, std::uint32_t hour) {
  if (text.empty()) return;
  const auto now = static_cast<std::uint16_t>(hour);
  Entry& entry = place_of(text, now);
  const auto counted = [](std::uint32_t amount) {
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(amount, std::numeric_limits<std::uint16_t>::max()));
  };
  const std::uint32_t before = entry.left(entry.recipients, now);
  const std::uint32_t without_before = entry.left(entry.without_unsubscribe, now);
  entry.recipients = counted(before + recipients);
  entry.without_unsubscribe = counted(without_before + (list_unsubscribe ? 0 : recipients));
  entry.hour = now;
}

void RecentTexts::set_clock(std::int64_t hours) {
  for (Entry& entry : entries_.all()) entry.hour = static_cast<std::uint16_t>(entry.hour + hours);
}

MostSentText RecentTexts::most_sent(std::uint32_t hour) const {
  const auto now = static_cast<std::uint16_t>(hour);
  MostSentText most;
  for (const Entry& entry : entries_.all()) {
    most.recipients = std::max(most.recipients, entry.left(entry.recipients, now));
    most.without_unsubscribe = std::max(most.without_unsubscribe, entry.left(entry.without_unsubscribe, now));
  }
  return most;
}

}  // namespace sluice::noticing
