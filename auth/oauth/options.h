// What the operator has set of access tokens ([oauth]).  Values, filled by the configuration.
#pragma once

#include <string>
#include <vector>

#include "engine/base/time.h"

namespace sluice::auth {

// What a token must be.
struct TokenRules {
  std::vector<std::string> algorithms = {"RS256", "PS256", "ES256"};  // names of algorithm.h
  std::string issuer;                  // empty: not asked for, which only introspection allows
  std::vector<std::string> audiences;  // one of them; empty: likewise
  std::string scope;                   // a word that must be in it; empty: none
  std::string user_claim = "email";
  std::string customer_claim;  // whose account it is; empty: the token does not say
  std::string domains_claim;   // what the account may send from; empty: likewise
  Duration clock_skew = std::chrono::minutes(1);
};

// Where tokens are checked: exactly one of the first three.
struct OauthOptions {
  std::string jwks_file;
  std::string jwks_url;
  std::string introspection_url;
  std::string client_id;                          // that we are to the introspection endpoint
  std::string client_secret_file;                 // its secret
  std::string ca_file;                            // empty: the system's
  Duration jwks_refresh = std::chrono::hours(1);  // keys are asked for again when they are so old
  Duration jwks_keep = std::chrono::hours(24);    // and go on for so long when they cannot be had
  Duration jwks_retry = std::chrono::minutes(1);  // not asked for again sooner for a key that is not known
  TokenRules rules;
};

}  // namespace sluice::auth
