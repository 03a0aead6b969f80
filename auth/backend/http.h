// An authenticator that is asked by HTTP as nginx's mail module asks it (auth_http; http_message.h): one written for
// nginx serves unchanged.  A bounded pool of kept connections on each core, one login at a time on each.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_http(const BackendOptions& options);

}  // namespace sluice::auth
