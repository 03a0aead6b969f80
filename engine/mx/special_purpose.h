// Addresses at which no mail host of a stranger is: the special-purpose ranges of IANA (RFC 6890 and its registries),
// and IPv4 addresses that are embedded in IPv6 ones.  A stranger who publishes such an address as an MX host, or writes
// it as an address literal, would have the relay connect to itself or into the operator's own network. Pure.  Any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/network.h"

namespace sluice::mx {

// Loopback, private, link-local, unique-local, shared, documentation, benchmarking, translated, tunnelled, multicast
// and reserved ranges.  The default of dns.unwanted.
[[nodiscard]] const std::vector<Network>& special_purpose_networks();

// The IPv4 address to which a host would send what goes to `ip` (4 or 16 bytes in network order): mapped (RFC 4291
// 2.5.5.2), IPv4-compatible (2.5.5.1), translated (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC
// 5214).  nullopt where none is embedded.
[[nodiscard]] std::optional<std::array<std::uint8_t, 4>> embedded_ipv4(std::span<const std::uint8_t> ip);

// 0.0.0.0 or ::, also embedded: the kernel connects to this machine.
[[nodiscard]] bool is_unspecified(std::span<const std::uint8_t> ip);

// Whether `ip`, or the IPv4 address that is embedded in it, lies in one of these.
[[nodiscard]] bool in_networks(std::span<const std::uint8_t> ip, const std::vector<Network>& networks);

}  // namespace sluice::mx
