// For which destinations a queued message waits, found out anew from the routes whenever it enters a queue.
// Pure, but for what `bind` does.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dsn/dsn.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"

namespace sluice::relay {

// Where a message waits that has a DSN to send, whether or not recipients of it wait elsewhere.  No route has this
// name: it has blanks.
inline constexpr std::string_view kDsnDestination = "(DSN to send)";

struct MessageDestination {
  std::string key;     // Bound::key
  WallMillis due = 0;  // of the first of its recipients
  bool tried = false;  // any of them
};

// `bind`: a recipient's destination, std::string(const message::Recipient&).  Never empty: where all is decided, and
// nothing is to be sent, there is the destination for DSNs, so that the message is concluded.
template <typename Bind>
std::vector<MessageDestination> destinations_of(const message::Envelope& envelope,
                                                const message::DeliveryStatus& status, Bind bind) {
  std::map<std::string, MessageDestination> found;
  for (std::size_t i = 0; i < status.recipients.size(); ++i) {
    const message::RecipientStatus& recipient = status.recipients[i];
    if (recipient.fate != message::Fate::waiting) continue;
    std::string key = bind(envelope.recipients[i]);
    const auto [at, fresh] =
        found.try_emplace(key, MessageDestination{.key = key, .due = recipient.due, .tried = false});
    at->second.due = std::min(at->second.due, recipient.due);
    at->second.tried = at->second.tried || recipient.tries > 0;
  }
  std::vector<MessageDestination> all;
  for (auto& [key, destination] : found) all.push_back(std::move(destination));
  if (all.empty() || dsn::reports_due(envelope, status, /*delay_reached=*/false).any())
    all.push_back({.key = std::string(kDsnDestination), .due = 0, .tried = true});
  return all;
}

}  // namespace sluice::relay
