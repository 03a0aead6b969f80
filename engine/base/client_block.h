// By what all limits for each client address count: an IPv4 address counts by itself, an IPv6 address by its block,
// since a single customer is given a /64 or more (RFC 6177) and any number of addresses in it.  Values; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "engine/base/network.h"

namespace sluice {

inline constexpr unsigned kIpv6BlockBitsDefault = 64;

// The block of `address` (4 or 16 bytes in network order; IPv4 mapped into IPv6 is IPv4).  Any other number of bytes,
// as of a peer that is gone already: 0.0.0.0.
[[nodiscard]] Network client_block(std::span<const std::uint8_t> address, unsigned ipv6_bits);

// Likewise the network around it that has so many bits.
[[nodiscard]] Network client_network(std::span<const std::uint8_t> address, unsigned ipv4_bits, unsigned ipv6_bits);

// How many of something each block has at present.  Holds an entry only for blocks that have any.
class CountByBlock {
 public:
  // One more, unless there are `max` already: then false, and nothing has changed.
  [[nodiscard]] bool admit(const Network& block, std::uint32_t max);
  // One that was admitted has gone.
  void release(const Network& block);
  // For tests: that it keeps nothing of those that have gone.
  [[nodiscard]] std::size_t blocks() const { return counts_.size(); }

 private:
  std::unordered_map<Network, std::uint32_t, Network::Hash> counts_;
};

}  // namespace sluice
