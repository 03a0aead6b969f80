// Whose word an Authentication-Results field is (RFC 8601 2.2): its authserv-id.  Pure.  Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::message {

// `value`: what follows the colon, folding included.  The id without quotes and comments; nullopt: there is none that
// could be told, as where the value was cut.
[[nodiscard]] std::optional<std::string> authserv_id(std::string_view value);

}  // namespace sluice::message
