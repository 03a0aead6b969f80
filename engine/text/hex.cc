#include "engine/text/hex.h"

#include <string_view>

namespace sluice::text {

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (const std::byte byte : bytes)
    digits.append(
        {kDigits[std::to_integer<unsigned>(byte >> 4U)], kDigits[std::to_integer<unsigned>(byte & std::byte{15})]});
  return digits;
}

}  // namespace sluice::text
