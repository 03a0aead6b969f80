// "1 message", "2 messages".  Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// `one`: a noun whose plural has an s.
[[nodiscard]] inline std::string counted(std::uint64_t count, std::string_view one) {
  return std::to_string(count).append(" ").append(one).append(count == 1 ? "" : "s");
}

}  // namespace sluice
