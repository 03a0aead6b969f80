// Access tokens (OAUTHBEARER, XOAUTH2), checked by an issuer's keys or by its introspection endpoint: what auth/oauth
// says of a token, as a back end on threads of its own.
#pragma once

#include <expected>
#include <string>

#include "auth/backend/kinds.h"
#include "auth/backend/oauth_options.h"
#include "auth/sasl.h"

namespace sluice::auth {

// Reads files; connects to no server.
[[nodiscard]] OpenedBackend open_oauth(const OauthBackendOptions& options);

// Reads the claim that names the user.  Pure; any thread.
[[nodiscard]] NameOfToken name_of_token(const OauthBackendOptions& options);

// Whether it works now: reads the keys, or asks the endpoint about a token that is none.  Blocks, for the back end's
// timeout at most.  The error is a sentence.
[[nodiscard]] std::expected<void, std::string> try_oauth(const OauthBackendOptions& options);

}  // namespace sluice::auth
