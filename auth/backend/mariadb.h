// MariaDB and MySQL by libmariadb: the operator's query as a prepared statement.  The certificate is checked, except at
// loopback addresses with tls = "none" and at UNIX sockets.  The library counts its timeouts in seconds and for each
// read: a check may take a few times the back end's timeout of a thread, though never of a login.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_mariadb(const BackendOptions& options);

}  // namespace sluice::auth
