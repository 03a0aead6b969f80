#include "policy/noticing/recent_texts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "policy/noticing/recent_hours.h"

namespace sluice::noticing {
namespace {

constexpr float kParts = 16;  // of a recipient, so that an hour's waning is not lost to rounding
constexpr float kWeeksHalfLifeHours = 24 * 7;
constexpr std::uint16_t kKeptHours = 100 * 24;
// Each recipient who was written to before takes so many first-time recipients away, at either place.
constexpr float kTakenByKnown = 0.75F;

std::uint16_t network_key(std::uint64_t network) { return static_cast<std::uint16_t>(network >> 48); }

std::uint16_t in_parts(float amount) {
  constexpr float kMost = std::numeric_limits<std::uint16_t>::max();
  return static_cast<std::uint16_t>(std::clamp(amount, 0.0F, kMost - 1) + 0.5F);
}

}  // namespace

// Half a day after another; in a straight line between.
std::uint32_t RecentTexts::Entry::left(std::uint16_t count, std::uint16_t now) const {
  const std::uint32_t hours = static_cast<std::uint16_t>(now - hour);
  const std::uint32_t days = hours / kHoursOfDay;
  if (days >= std::numeric_limits<std::uint16_t>::digits) return 0;
  const std::uint32_t at_day = std::uint32_t{count} >> days;
  return at_day - at_day * (hours % kHoursOfDay) / (2 * kHoursOfDay);
}

float RecentTexts::Entry::kept(std::uint16_t now) const {
  const std::uint32_t hours = static_cast<std::uint16_t>(now - hour);
  return hours == 0 ? 1 : std::exp2(-static_cast<float>(hours) / kWeeksHalfLifeHours);
}

float RecentTexts::Entry::scattered(std::uint16_t now) const {
  return elsewhere == 0 ? 0 : static_cast<float>(elsewhere) / kParts * kept(now);
}

// Whichever place has more is `here`: of two networks in turn it has about half, of a single one all.
void RecentTexts::Entry::add_first_time(const MessageFacts& message, std::uint16_t now) {
  if (network == 0) network = network_key(message.network);
  const std::uint16_t from = message.network == 0 ? network : network_key(message.network);
  if (message.first_time == 0 && here == 0) return;  // which has most
  const float share = kept(now);
  const auto known = static_cast<float>(message.recipients - std::min(message.recipients, message.first_time));
  const auto with = [&](std::uint16_t before, bool added) {
    const float first_time = added ? static_cast<float>(message.first_time) : 0;
    return in_parts(share * static_cast<float>(before) + kParts * (first_time - kTakenByKnown * known));
  };
  here = with(here, from == network);
  elsewhere = with(elsewhere, from != network);
  if (elsewhere <= here) return;
  network = from;
  std::swap(here, elsewhere);
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

void RecentTexts::add(const MessageFacts& message, std::uint32_t hour) {
  if (message.text.empty()) return;
  const auto now = static_cast<std::uint16_t>(hour);
  Entry& entry = place_of(message.text, now);
  const auto counted = [](std::uint32_t amount) {
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(amount, std::numeric_limits<std::uint16_t>::max()));
  };
  const std::uint32_t before = entry.left(entry.recipients, now);
  const std::uint32_t without_before = entry.left(entry.without_unsubscribe, now);
  entry.recipients = counted(before + message.recipients);
  entry.without_unsubscribe = counted(without_before + (message.list_unsubscribe ? 0 : message.recipients));
  entry.add_first_time(message, now);
  entry.hour = now;
}

void RecentTexts::forget(std::uint32_t hour) {
  entries_.remove_if([hour](const Entry& each) { return static_cast<std::uint16_t>(hour - each.hour) >= kKeptHours; });
}

bool RecentTexts::is_sound(std::uint32_t hour) const {
  return std::ranges::all_of(
      entries_.all(), [hour](const Entry& each) { return static_cast<std::uint16_t>(hour - each.hour) < kKeptHours; });
}

void RecentTexts::set_clock(std::int64_t hours) {
  for (Entry& entry : entries_.all()) entry.hour = static_cast<std::uint16_t>(entry.hour + hours);
}

MostSentText RecentTexts::most_sent(std::uint32_t hour) const {
  const auto now = static_cast<std::uint16_t>(hour);
  MostSentText most;
  for (const Entry& entry : entries_.all()) {
    most.recipients = std::max(most.recipients, entry.left(entry.recipients, now));
    most.scattered += entry.scattered(now);
    most.without_unsubscribe = std::max(most.without_unsubscribe, entry.left(entry.without_unsubscribe, now));
  }
  return most;
}

}  // namespace sluice::noticing
