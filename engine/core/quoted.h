// What somebody wrote, fit to be repeated in a message.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace sluice::core {

// In quotes: escaped as in the log, and not more than its first 60 octets.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace sluice::core
