// How values stand in a request line of the control socket: every byte but letters, digits and "-._@+*/:[]" is written
// "%XX", in capitals.  Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::control {

// Behind a request that is to be answered in JSON.
inline constexpr std::string_view kJson = " json";

void append_escaped(std::string& line, std::string_view value);
// Nothing where a "%" has not two digits behind it.
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);

// Takes `text` from the beginning of `rest`, and says whether it stood there.
[[nodiscard]] bool take_text(std::string_view& rest, std::string_view text);
// Takes " name=V", up to a blank; false where that is not next, or V cannot be read.
[[nodiscard]] bool take_value(std::string_view& rest, std::string_view name, std::string& value);

}  // namespace sluice::control
