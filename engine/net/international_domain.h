// Domains with letters beyond ASCII, as SMTPUTF8 brings them (RFC 6531), in the form that DNS knows (RFC 5890: A-labels).
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

// `domain` has octets beyond ASCII.
[[nodiscard]] bool is_international(std::string_view domain);

// The A-labels of an international domain, in lower case: "xn--bcher-kva.example" for "Bücher.example" (IDNA2008 with
// the mapping of UTS 46, not transitional).  nullopt: it is no such domain, or too long as one.
[[nodiscard]] std::optional<std::string> ascii_domain(std::string_view domain);

}  // namespace sluice::net
