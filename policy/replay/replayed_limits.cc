#include "policy/replay/replayed_limits.h"

#include <algorithm>
#include <array>
#include <optional>

#include "policy/limit_text.h"

namespace sluice::policy {
namespace {

// What of a quantity a message comes to.
std::uint64_t wanted_of(Quantity quantity, const ReplayedLimits::Message& message) {
  switch (quantity) {
    case Quantity::recipients:
      return message.recipients;
    case Quantity::messages:
      return message.recipients > 0 ? 1 : 0;
    case Quantity::bytes:
      return message.recipients > 0 ? bytes_units(message.bytes) : 0;
    case Quantity::first_time_recipients:
      return message.first_time;
    case Quantity::sessions:
      break;
  }
  return 0;
}

// Of the others a message has room, or it has none.
bool is_of_recipients(Quantity quantity) {
  return quantity == Quantity::recipients || quantity == Quantity::first_time_recipients;
}

LimitFinding finding_of(const CountedLimits& limits, FullWindow window, std::uint32_t recipients) {
  const auto at = std::ranges::find(limits.counted, window.limit);
  LimitFinding finding{.action = window.limit.action, .recipients = recipients};
  if (at != limits.counted.end()) {
    finding.action = limits.original[static_cast<std::size_t>(at - limits.counted.begin())].action;
    finding.shadow = finding.action != window.limit.action;
  }
  // What no window could ever take is refused for good.
  if (finding.action == Action::defer && !window.free_in_ms) finding.action = Action::refuse;
  finding.figures = limit_figures({.subject = limits.subject, .name = limits.name, .window = window});
  return finding;
}

// Of limits that refuse nothing, or not in shadow.
void find_passed(CountedLimits& limits, std::uint32_t recipients, std::uint64_t wanted, WallMillis now,
                 std::vector<LimitFinding>& findings) {
  const auto passed = limits.meter->full(limits.counted, false, wanted, now);
  if (!passed) return;
  std::uint32_t over = recipients;
  if (is_of_recipients(limits.quantity))
    over =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(recipients, passed->used + wanted - passed->limit.amount));
  findings.push_back(finding_of(limits, *passed, over));
}

}  // namespace

void ReplayedLimits::count(SubmitterLimits& submitter, Subject subject, const std::string& name,
                           std::span<const Limit> limits, bool shadow) {
  for (const Quantity quantity :
       {Quantity::recipients, Quantity::messages, Quantity::bytes, Quantity::first_time_recipients}) {
    CountedLimits counted{.subject = subject, .name = name, .quantity = quantity};
    for (const Limit& limit : limits) {
      if (limit.quantity != quantity) continue;
      // Those of the whole relay are of no class.
      counted.counted.push_back(as_counted(limit, shadow && subject != Subject::relay));
      counted.original.push_back(as_counted(limit, false));
    }
    if (counted.counted.empty()) continue;
    std::string key(subject_name(subject));
    key.append(" ").append(quantity_name(quantity)).append(" ").append(name);
    counted.meter = &meters_[key];
    submitter.push_back(std::move(counted));
  }
}

namespace {

// Takes what one quantity of recipients has room for of `wanted`.
std::uint32_t left_of(SubmitterLimits& submitter, Quantity quantity, std::uint32_t wanted, WallMillis now,
                      std::vector<LimitFinding>& findings) {
  for (CountedLimits& each : submitter) {
    if (each.quantity != quantity) continue;
    const std::uint64_t left = each.meter->room(each.counted, true, now);
    if (left >= wanted) continue;
    const auto refused = wanted - static_cast<std::uint32_t>(left);
    // What the first of them is refused by, behind those that there is room for.
    each.meter->hold(left);
    if (const auto full = each.meter->full(each.counted, true, 1, now))
      findings.push_back(finding_of(each, *full, refused));
    each.meter->give_back(left);
    wanted = static_cast<std::uint32_t>(left);
  }
  return wanted;
}

}  // namespace

ReplayedLimits::Room ReplayedLimits::ask(SubmitterLimits& submitter, const Message& message, WallMillis now) {
  Room room;
  for (CountedLimits& each : submitter) {
    const std::uint64_t wanted = wanted_of(each.quantity, message);
    if (is_of_recipients(each.quantity) || each.meter->room(each.counted, true, now) >= wanted) continue;
    if (const auto full = each.meter->full(each.counted, true, wanted, now))
      room.findings.push_back(finding_of(each, *full, message.recipients));
    return room;
  }
  room.first_time = left_of(submitter, Quantity::first_time_recipients, message.first_time, now, room.findings);
  const std::uint32_t wanted = message.recipients - (message.first_time - room.first_time);
  room.recipients = left_of(submitter, Quantity::recipients, wanted, now, room.findings);
  if (room.recipients == 0) return room;
  const Message passing{.recipients = room.recipients, .first_time = room.first_time, .bytes = message.bytes};
  for (CountedLimits& each : submitter)
    find_passed(each, room.recipients, wanted_of(each.quantity, passing), now, room.findings);
  return room;
}

void ReplayedLimits::spend(SubmitterLimits& submitter, const Message& message, WallMillis now) {
  for (CountedLimits& each : submitter) {
    const std::uint64_t amount = wanted_of(each.quantity, message);
    each.meter->hold(amount);
    each.meter->spend(amount, now);
  }
}

}  // namespace sluice::policy
