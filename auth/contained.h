// What the operator has contained (sluicectl contain, suspend-outgoing, hold-outgoing) and not released.  Values; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/network.h"

namespace sluice::auth {

struct Contained {
  std::vector<std::string> accounts;
  std::vector<std::string> customers;
  std::vector<Network> networks;
  bool operator==(const Contained&) const = default;

  [[nodiscard]] bool empty() const { return accounts.empty() && customers.empty() && networks.empty(); }
  // Whether one of them is of a message's sender.  `client`: an address as text, or empty.
  [[nodiscard]] bool covers(std::string_view account, std::string_view customer, std::string_view client) const;
};

}  // namespace sluice::auth
