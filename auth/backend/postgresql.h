// PostgreSQL by libpq: the operator's query, prepared once on each connection.  TLS is verify-full, except at loopback
// addresses with tls = "none" and at UNIX sockets.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_postgresql(const BackendOptions& options);

}  // namespace sluice::auth
