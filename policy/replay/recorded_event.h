// What a relay's log says of mail that went through it, as far as limits and the noticer look at it.  Values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/time.h"
#include "policy/noticing/message_facts.h"

namespace sluice::policy {

// How a message ended.
enum class RecordedEnd : std::uint8_t {
  taken,
  next_hop,   // refused or deferred by the next hop: limits and noticer had let it pass
  policy,     // refused or deferred by a limit or the noticer
  otherwise,  // refused for anything else, before limits and noticer had a say
};

struct RecordedMessage {
  WallMillis at = 0;
  RecordedEnd end = RecordedEnd::taken;
  std::string id;
  std::string listener;
  std::string client;    // IP address
  std::string customer;  // empty, as the account: of a listener's trusted hosts
  std::string account;
  std::uint32_t recipients = 0;        // without those that a limit had refused
  std::uint32_t recipients_taken = 0;  // of these
  std::uint64_t bytes = 0;
  std::vector<std::string> to;  // of the recipients as many as the log has room for
};

// What next hops have said of recipients, for good.
struct RecordedDelivery {
  WallMillis at = 0;
  std::string id;
  std::string account;
  noticing::OutcomeKind kind = noticing::OutcomeKind::other;
  std::vector<std::string> to;
};

// A recipient that a limit or the noticer has refused.
struct RecordedRefusal {
  WallMillis at = 0;
  std::string customer;
  std::string account;
};

using RecordedEvent = std::variant<RecordedMessage, RecordedDelivery, RecordedRefusal>;
[[nodiscard]] inline WallMillis time_of(const RecordedEvent& event) {
  return std::visit([](const auto& each) { return each.at; }, event);
}

}  // namespace sluice::policy
