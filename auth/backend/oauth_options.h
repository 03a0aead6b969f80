// [oauth] as the configuration gives it: the one back end that access tokens are checked by.
#pragma once

#include "auth/backend/options.h"
#include "auth/oauth/options.h"

namespace sluice::auth {

struct OauthBackendOptions {
  BackendOptions backend = {.name = "oauth", .kind = "oauth", .bearer = true};
  OauthOptions oauth;
};

}  // namespace sluice::auth
