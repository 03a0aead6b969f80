// Whose turn it is where customers share something: the core's turns, the disk's batches, workers, receive buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace sluice {

// Whose an item is.  Two customers may have the same number; they then share.
using ShareNumber = std::uint8_t;
// Of what the relay does for itself.
inline constexpr ShareNumber kOwnShare = 0;
// Of a customer, or of a client that has not logged in.
[[nodiscard]] inline ShareNumber share_number(std::string_view name) {
  return static_cast<ShareNumber>(1 + std::hash<std::string_view>()(name) % 255);
}

}  // namespace sluice
