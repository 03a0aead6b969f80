// A user's text, fit to be repeated in a message.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::text {

// Escaped as in the log, and not more than its first 60 bytes.  (Not `quoted`: std::quoted would be found as well.)
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace sluice::text
