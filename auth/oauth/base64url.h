// Base64url as JOSE has it (RFC 7515 2): no padding, no line breaks, unused bits zero.  Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::auth {

[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace sluice::auth
