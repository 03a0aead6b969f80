// A JWT (RFC 7519) that is signed (RFC 7515, compact form): read strictly, its signature checked by libcjose, its
// claims by claims.h.  Pure; any thread.  What is wrong is a phrase for the operator that has nothing of the token's
// signature.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/oauth/algorithm.h"
#include "auth/oauth/claims.h"
#include "auth/oauth/key_set.h"
#include "auth/oauth/options.h"

namespace sluice::auth {

struct TokenHeader {
  const SignatureAlgorithm* algorithm = nullptr;  // one of those that are allowed
  std::optional<std::string> key_id;
};

[[nodiscard]] std::expected<TokenHeader, std::string> read_token_header(std::string_view token,
                                                                        const TokenRules& rules);

// Whom a claim of the token names, be it signed or not.  Nothing: it is no JWT, or names nobody.
[[nodiscard]] std::optional<Name> user_named_by(std::string_view token, const std::string& claim);

struct TokenFault {
  bool unknown_key = false;  // newer keys of the issuer may be another matter
  std::string reason;
};

// `header`: of this very token.
[[nodiscard]] std::expected<TokenGrant, TokenFault> check_token(std::string_view token, const TokenHeader& header,
                                                                const KeySet& keys, const TokenRules& rules,
                                                                const Name& name, WallMillis now);

}  // namespace sluice::auth
