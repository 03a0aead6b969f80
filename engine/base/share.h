// Whose turn it is where customers share something: the core's turns, the disk's batches, workers, receive buffers,
// connections to next hops, memory; and how much of it is a share's, beside the others'.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace sluice {

// Of a share, by its customer's name.  Two customers may have the same number; they then share.
using ShareNumber = std::uint8_t;
// Where two shares wait, one of weight 3 gets three times what one of weight 1 gets.
using ShareWeight = std::uint8_t;
inline constexpr ShareWeight kShareWeightMax = 100;

// Whose an item is.  The weight is carried with each item, so that nothing has to remember it; where items of one
// number differ, as those of two customers that have the same, or of one before and after a reload, the largest of
// those that wait counts.
struct CustomerShare {
  ShareNumber number = 0;
  ShareWeight weight = 1;  // 1 to kShareWeightMax
  friend bool operator==(const CustomerShare&, const CustomerShare&) = default;
};
// Of what the relay does for itself.
inline constexpr CustomerShare kOwnShare;
// Of a customer, or, with weight 1, of a client that has not logged in.
[[nodiscard]] inline CustomerShare customer_share(std::string_view name, ShareWeight weight = 1) {
  return {.number = static_cast<ShareNumber>(1 + std::hash<std::string_view>()(name) % 255), .weight = weight};
}

}  // namespace sluice
