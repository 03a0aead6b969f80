// A user's text, fit to be repeated in a message.  Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice::text {

// Escaped as in the log, and not more than its first 60 bytes.  (Not `quoted`: std::quoted would be found as well.)
[[nodiscard]] std::string in_quotes(std::string_view text);

// Each in quotes, with ", " between. `text_of` gives the text of one.
template <typename Range, typename TextOf>
std::string list_in_quotes(const Range& range, TextOf text_of) {
  std::string list;
  for (const auto& each : range) list += (list.empty() ? "" : ", ") + in_quotes(std::invoke(text_of, each));
  return list;
}

}  // namespace sluice::text
