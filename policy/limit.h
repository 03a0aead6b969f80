// A limit: how much of a quantity in a sliding window, and what is done to what would exceed it.  Pure values; any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/limit_override.h"
#include "engine/base/share.h"
#include "policy/noticing/class_policy.h"
#include "policy/noticing/verdict.h"

namespace sluice::policy {

using auth::kLimitAmountMax;
using auth::kQuantities;
using auth::kSpans;
using auth::parse_quantity;
using auth::parse_span;
using auth::Quantity;
using auth::quantity_name;
using auth::Span;
using auth::span_name;

// A month is 30 days.
[[nodiscard]] std::chrono::seconds span_length(Span span);

enum class Action : std::uint8_t {
  refuse,  // 550 5.7.1: a thief's mail does not leave later
  defer,   // 451 4.7.1: the client keeps it, and tries again
  slow,    // accepted, with delayed replies
  hold,    // accepted, and held for review
  tell,    // accepted; the operator is told
};

inline constexpr std::size_t kActions = 5;

// Whether what exceeds the limit is not accepted.
[[nodiscard]] constexpr bool refuses(Action action) { return action == Action::refuse || action == Action::defer; }
// Of two that accept, whether the first does more to what is accepted: what passes several limits is held if one of
// them holds.
[[nodiscard]] constexpr bool is_graver(Action one, Action other) {
  const auto gravity = [](Action action) { return action == Action::hold ? 2 : action == Action::slow ? 1 : 0; };
  return gravity(one) > gravity(other);
}
[[nodiscard]] std::string_view action_name(Action action);
// Where none is set: a minute's limit defers, since a minute is soon over, all others refuse.
[[nodiscard]] Action default_action(Span span);

struct Limit {
  Quantity quantity = Quantity::recipients;
  Span span = Span::day;
  std::uint64_t amount = 0;  // 1 to kLimitAmountMax
  Action action = Action::refuse;

  bool operator==(const Limit&) const = default;
};

inline constexpr std::uint32_t kClassRecipientsDefault = 100;  // RFC 5321 4.5.3.1.8

// A named set of limits.  Of one quantity and span each subject has at most one limit.
struct PolicyClass {
  std::string name;
  std::uint32_t recipients_per_message = kClassRecipientsDefault;
  // Of a customer's share of whatever all customers use, where this is the customer's own class.
  ShareWeight weight = 1;
  bool shadow = false;  // limits and noticing count and tell, and refuse nothing
  noticing::ClassPolicy noticing;
  noticing::Step notice = noticing::Step::suspend;  // no step above it is taken; pass: accounts are not watched
  std::vector<Limit> account_limits;                // of each account for itself
  std::vector<Limit> device_limits;                 // of each device password for itself
  std::vector<Limit> customer_limits;               // of all accounts of a customer together
  std::vector<Limit> network_limits;                // of a listener's trusted hosts together
};

}  // namespace sluice::policy
