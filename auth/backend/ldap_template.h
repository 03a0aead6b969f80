// The operator's DN or filter with the values of a login in it, escaped (RFC 4514, RFC 4515).  Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/login_parameters.h"

namespace sluice::auth {

// What both grammars take for that text and nothing else: whatever is no letter, digit, "-", "_", "." or "@" as a
// backslash and its hexadecimal value.  So no value ends a part of a filter or a DN, or is a wildcard.
[[nodiscard]] std::string ldap_escaped(std::string_view value);

class LdapTemplate {
 public:
  LdapTemplate() = default;
  // The error is a sentence's end.
  [[nodiscard]] static std::expected<LdapTemplate, std::string> parse(std::string_view text);
  [[nodiscard]] std::string text_for(const Credentials& credentials) const;
  [[nodiscard]] bool has_parameters() const;

 private:
  std::vector<LoginTextPiece> pieces_;
};

}  // namespace sluice::auth
