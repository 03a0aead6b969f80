// A server's or a library's own words, for a reason.  Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::auth {

// Their first line, bounded; nothing where there are none.
[[nodiscard]] inline std::string first_line(const char* text) {
  constexpr std::size_t kBytesMax = 300;
  const std::string_view all = text != nullptr ? text : "";
  return std::string(all.substr(0, std::min(all.find_first_of("\r\n"), kBytesMax)));
}

}  // namespace sluice::auth
