#include "engine/server/sender_activity.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <variant>

#include "engine/message/envelope.h"

namespace sluice::server {
namespace {

constexpr std::string_view kMessage = "message";
constexpr std::string_view kRefused = "refused";
constexpr std::string_view kHeld = "message_held";

std::string_view event_text(const event::Event& event, std::string_view key) {
  const event::Value* const value = event::find_value(event, key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  return text == nullptr ? std::string_view() : *text;
}

std::uint64_t event_count(const event::Event& event, std::string_view key) {
  const event::Value* const value = event::find_value(event, key);
  const auto* const count = value == nullptr ? nullptr : std::get_if<std::uint64_t>(value);
  return count == nullptr ? 0 : *count;
}

// What one event adds.
struct Added {
  std::uint32_t large = 0;
  std::uint32_t refused = 0;
  std::uint32_t held = 0;
};

Added added_by(const event::Event& event) {
  if (event.row.name == kHeld) return {.held = 1};
  if (event.row.name == kRefused) {
    constexpr std::uint64_t kMost = 1U << 16U;
    return {.refused = static_cast<std::uint32_t>(1 + std::min(event_count(event, "not_logged"), kMost))};
  }
  if (event_text(event, "verdict") != "taken") return {.refused = 1};
  const bool large = event_count(event, "recipients_taken") > message::kSmallRecipientsMax;
  return {.large = large ? 1U : 0U};
}

}  // namespace

std::uint32_t SenderActivities::hour() const {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::hours>(clock_.now().time_since_epoch()).count());
}

void SenderActivities::Day::advance(std::uint32_t now) {
  if (now <= hour) return;
  for (HourlyCount* const count : {&large, &refused, &held}) count->advance(hour, now);
  hour = now;
}

void SenderActivities::take(const event::Event& event) {
  if (event.row.name != kMessage && event.row.name != kRefused && event.row.name != kHeld) return;
  const std::string_view account = event_text(event, "account");
  if (account.empty()) return;
  const Added added = added_by(event);
  Shard& shard = shards_[std::hash<std::string_view>{}(account) % kShards];
  const std::lock_guard lock(shard.mutex);
  Day* day = shard.accounts.find(account);
  if (day == nullptr) {
    shard.accounts.make_room(kAccountsMax / kShards);
    day = &shard.accounts.insert(account, {});
  }
  if (const std::string_view customer = event_text(event, "customer"); customer != day->customer)
    day->customer = customer;
  day->advance(hour());
  day->large.add(day->hour, added.large);
  day->refused.add(day->hour, added.refused);
  day->held.add(day->hour, added.held);
}

std::vector<SenderActivity> SenderActivities::list() {
  const std::uint32_t now = hour();
  std::vector<SenderActivity> found;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.accounts.for_each([&found, now](std::string_view account, Day& day) {
      day.advance(now);
      found.push_back({.account = std::string(account),
                       .customer = day.customer,
                       .large_messages = day.large.sum(),
                       .refused = day.refused.sum(),
                       .held = day.held.sum()});
    });
  }
  return found;
}

}  // namespace sluice::server
