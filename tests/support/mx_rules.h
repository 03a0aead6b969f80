// Rules for MX hosts in tests: the addresses of the simulated hosts are documentation addresses (RFC 5737, RFC
// 3849), which the defaults refuse.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/mx/selection.h"

namespace sluice::testing {

inline std::vector<Network> unwanted_but_documentation() {
  std::vector<Network> networks = mx::special_purpose_networks();
  std::erase_if(networks, [](const Network& network) {
    const std::string text = network.to_string();
    return text == "192.0.2.0/24" || text == "198.51.100.0/24" || text == "203.0.113.0/24" || text == "2001:db8::/32";
  });
  return networks;
}

// The defaults, but for documentation addresses.
inline mx::MxRules mx_rules(std::uint16_t port = 25, mx::AddressUse use = mx::AddressUse::ipv6_first) {
  mx::MxRules rules{.port = port, .use = use};
  rules.unwanted = unwanted_but_documentation();
  return rules;
}

}  // namespace sluice::testing
