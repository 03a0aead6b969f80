// How values stand in a request line of the control socket: every byte but letters, digits and "-._@+*/:[]" is written
// "%XX", in capitals.  Pure; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::control {

// Behind a request that is to be answered in JSON.
inline constexpr std::string_view kJson = " json";

// The error for a line that no request has.
[[nodiscard]] std::unexpected<std::string> not_as_written();
// A request that was read from `line`, once it is known to have no fault and to be written as sluicectl writes it: each
// request has one line, so that words twice or in another order, blanks, and escapes that nothing asked for are none.
template <typename Request>
[[nodiscard]] std::expected<Request, std::string> if_as_written(Request request, std::string_view line,
                                                                std::string (*fault_of)(const Request&),
                                                                std::string (*encode)(const Request&)) {
  if (std::string fault = fault_of(request); !fault.empty()) return std::unexpected(std::move(fault));
  if (encode(request) != line) return not_as_written();
  return request;
}

void append_escaped(std::string& line, std::string_view value);
// Nothing where a "%" has not two digits behind it.
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);

// Takes `text` from the beginning of `rest`, and says whether it stood there.
[[nodiscard]] bool take_text(std::string_view& rest, std::string_view text);
// Takes " name=V", up to a blank; false where that is not next, or V cannot be read.
[[nodiscard]] bool take_value(std::string_view& rest, std::string_view name, std::string& value);

}  // namespace sluice::control
