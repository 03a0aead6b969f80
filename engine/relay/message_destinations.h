// Which destinations a message has: the one place that says so, where jobs are made and for each delivery
// attempt. They are found out anew from the routes each time, as those change. Values and pure functions, but for what
// the caller's FindDestination does.  Any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"
#include "engine/relay/destination.h"

namespace sluice::relay {

// The key of the destination of a message that has a DSN to send, whether or not recipients of it wait for others.  No
// route has this name: it has blanks.
inline constexpr std::string_view kDsnDestination = "(DSN to send)";

struct MessageDestination {
  Destination destination;
  std::vector<std::uint32_t> recipients;  // indices of those that wait for it, rising; none at kDsnDestination
  WallMillis due = 0;                     // of the first of them
  bool tried = false;                     // any of them
};

// A recipient's destination by the routes of now.
using FindDestination = absl::FunctionRef<Destination(const message::Recipient& recipient)>;

// Those that recipients wait for, sorted by their keys.  The status is of this envelope: as many recipients.
[[nodiscard]] std::vector<MessageDestination> waiting_destinations(const message::Envelope& envelope,
                                                                   const message::DeliveryStatus& status,
                                                                   FindDestination find);

// The one with this key, in what waiting_destinations() gives; the end, where there is none.
[[nodiscard]] std::vector<MessageDestination>::iterator find_key(std::vector<MessageDestination>& sorted,
                                                                 std::string_view key);

// All that a job is to be made for: the same, and the one for DSNs behind them.  Never empty: where all is decided, and
// nothing is to be sent, there is the destination for DSNs, so that the message is concluded.
[[nodiscard]] std::vector<MessageDestination> destinations_of(const message::Envelope& envelope,
                                                              const message::DeliveryStatus& status,
                                                              FindDestination find);

}  // namespace sluice::relay
