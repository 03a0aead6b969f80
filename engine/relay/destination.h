// Where a recipient's copy goes: the route that it takes, and what it shares a queue and connections with.
// Values and a pure function.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "engine/base/fair_queue.h"
#include "engine/message/envelope.h"
#include "engine/message/message_sink.h"
#include "engine/route/table.h"

namespace sluice::relay {

struct Destination {
  std::size_t route = 0;            // its number in the table
  std::string key;                  // no other destination has it: RouteTable::destination_key()
  std::string domain;               // of the recipient, a domain_key()
  CustomerShare share = kOwnShare;  // of the sender's customer
};

// `recipient` is one of the envelope's.  `hostname` is where <Postmaster> is.
[[nodiscard]] Destination find_destination(const route::RouteTable& table,
                                           absl::FunctionRef<const route::Route&(std::size_t)> route,
                                           std::string_view hostname, const message::Recipient& recipient,
                                           const message::Envelope& envelope, const message::Submitter& from);

// No connections to be had for a destination, and why: the last word on its recipients for now, or for good.
struct RoutingFailure {
  bool permanent = false;
  std::uint16_t code = 0;
  smtp::EnhancedCode enhanced;
  std::string text;
  [[nodiscard]] smtp::Reply reply() const;
};

}  // namespace sluice::relay
