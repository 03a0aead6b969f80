// What a token says, checked against what it must: of a JWT's payload (RFC 7519 4.1, RFC 9068) and of an introspection
// response (RFC 7662 2.2), which have the same names.  Pure; any thread.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "auth/oauth/json.h"
#include "auth/oauth/options.h"
#include "auth/secret.h"
#include "engine/base/time.h"

namespace sluice::auth {

// A token that was checked.
struct TokenGrant {
  std::string user;                  // as the claim spells it
  std::string customer;              // empty: it does not say
  std::vector<std::string> domains;  // empty: likewise
  WallMillis expires = 0;            // 0: likewise
};

enum class ClaimsFrom : std::uint8_t {
  token,          // must have an end
  introspection,  // the endpoint may leave that out
};

// The claim that names the user must be `name`: the login name, rewritten, and compared as account names are.  Whatever
// is configured must be there.  The error says what is not as it must be, for the operator.
[[nodiscard]] std::expected<TokenGrant, std::string> check_claims(const json_t* claims, ClaimsFrom from,
                                                                  const TokenRules& rules, const Name& name,
                                                                  WallMillis now);

}  // namespace sluice::auth
