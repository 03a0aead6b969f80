// LDAP: a login is a bind as the user.  The DN is `base` with the login's parameters in it; or, with `query`, that of
// the one entry below `base` that this filter finds, searched for as `user` (anonymously without one).
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_ldap(const BackendOptions& options);

}  // namespace sluice::auth
