// Token introspection (RFC 7662): the issuer is asked about each token.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "auth/oauth/claims.h"
#include "auth/oauth/options.h"
#include "auth/secret.h"

namespace sluice::auth {

inline constexpr std::size_t kIntrospectionBytesMax = 64 * 1024;

// What is asked; wipe it after use.
[[nodiscard]] std::string introspection_form(std::string_view token);

struct IntrospectionFault {
  bool wrong = false;  // the token is; else the response is none
  std::string reason;  // for the operator
};
// Pure.
[[nodiscard]] std::expected<TokenGrant, IntrospectionFault> check_introspection(std::string_view response,
                                                                                const TokenRules& rules,
                                                                                const Name& name, WallMillis now);

}  // namespace sluice::auth
