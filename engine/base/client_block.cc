#include "engine/base/client_block.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace sluice {

Network client_block(std::span<const std::uint8_t> address, unsigned ipv6_bits) {
  constexpr unsigned kIpv4Bits = 32;
  return client_network(address, kIpv4Bits, ipv6_bits);
}

Network client_network(std::span<const std::uint8_t> address, unsigned ipv4_bits, unsigned ipv6_bits) {
  // RFC 6052 2.1: behind a translator, the client's own address is in the last 32 bits.
  constexpr std::array<std::uint8_t, 12> kTranslated{0x00, 0x64, 0xff, 0x9b};
  if (address.size() == 16 && std::ranges::equal(address.first(kTranslated.size()), kTranslated))
    address = address.subspan(kTranslated.size());
  return Network::around(address, ipv4_bits, ipv6_bits);
}

bool CountByBlock::admit(const Network& block, std::uint32_t max) {
  const auto found = counts_.find(block);
  if (found == counts_.end()) {
    if (max == 0) return false;
    counts_.emplace(block, 1);
    return true;
  }
  if (found->second >= max) return false;
  ++found->second;
  return true;
}

void CountByBlock::release(const Network& block) {
  const auto found = counts_.find(block);
  CHECK(found != counts_.end());
  if (--found->second == 0) counts_.erase(found);
}

}  // namespace sluice
