// PostgreSQL by libpq: the operator's query, prepared once on each connection.  TLS is verify-full, except at loopback
// addresses with tls = "none" and at UNIX sockets.
#pragma once

#include "auth/backend/client_library.h"
#include "auth/backend/kinds.h"
#include "auth/store/postgresql_client.h"

namespace sluice::auth {

[[nodiscard]] PostgresqlPlace postgresql_place(const LibraryLogin& login, const BackendServer& server);
[[nodiscard]] OpenedBackend open_postgresql(const BackendOptions& options);

}  // namespace sluice::auth
