// What a meter is of: one subject's one quantity.  Values; any thread.
#pragma once

#include <compare>
#include <string>
#include <utility>

#include "policy/limit.h"
#include "policy/subject.h"

namespace sluice::policy {

struct MeterKey {
  Subject subject = Subject::account;
  Quantity quantity = Quantity::recipients;
  std::string name;  // of the account or customer, as the store has it

  friend bool operator==(const MeterKey&, const MeterKey&) = default;
  friend auto operator<=>(const MeterKey&, const MeterKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const MeterKey& key) {
    return H::combine(std::move(state), key.subject, key.quantity, key.name);
  }
};

}  // namespace sluice::policy
