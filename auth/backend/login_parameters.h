// The parameters of a login in an operator's text (a query, a filter, a DN): %{user}, %{local}, %{domain}, %{password}.
// Pure.  The text is taken apart once, at the start; what stands for a parameter at a login is its user's business, who
// binds it or escapes it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/secret.h"

namespace sluice::auth {

enum class LoginParameter : std::uint8_t {
  user,      // the whole name
  local,     // what stands in front of its last "@"; the whole name where it has none
  domain,    // what stands behind that; empty where it has none
  password,  // for databases that compare it themselves
};

// Text, or a parameter behind it.
struct LoginTextPiece {
  std::string text;
  bool has_parameter = false;
  LoginParameter parameter = LoginParameter::user;
};

// The pieces of a text; only the last one may have no parameter.  The error is a sentence's end.
[[nodiscard]] std::expected<std::vector<LoginTextPiece>, std::string> split_login_text(std::string_view text);

[[nodiscard]] std::string_view parameter_name(LoginParameter parameter);
// What it is in a login.  Lives as long as `credentials`.
[[nodiscard]] std::string_view parameter_value(LoginParameter parameter, const Credentials& credentials);

}  // namespace sluice::auth
