// CRC-32C (Castagnoli), the checksum of RFC 3720 appendix B.4: by the processor's own instruction where it has one.
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

// Goes on from `crc`, which is 0 at the beginning, or any other number to begin from.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

// By table, whatever the processor has: what the other is checked against.
[[nodiscard]] std::uint32_t crc32c_by_table(std::uint32_t crc, std::string_view bytes);

}  // namespace sluice
