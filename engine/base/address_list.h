// Lists of mail addresses in events, "a@example.com, "b, c"@example.net".  Pure.  Any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace sluice {

inline constexpr std::string_view kAddressSeparator = ", ";

// Takes the first one off the list, with what parts it from the next.  A quoted local part (RFC 5321 4.1.2) may have
// that in it.
inline std::string_view take_address(std::string_view& list) {
  bool quoted = false;
  std::size_t size = 0;
  for (; size < list.size(); ++size) {
    if (list[size] == '"') quoted = !quoted;
    if (quoted && list[size] == '\\') {
      ++size;
    } else if (!quoted && list.substr(size).starts_with(kAddressSeparator)) {
      break;
    }
  }
  const std::string_view address = list.substr(0, size);
  list.remove_prefix(std::min(list.size(), size + kAddressSeparator.size()));
  return address;
}

}  // namespace sluice
