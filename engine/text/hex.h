// Bytes as hexadecimal digits.  Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace sluice::text {

// Two digits a byte, in lower case: "00ff".
[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

}  // namespace sluice::text
