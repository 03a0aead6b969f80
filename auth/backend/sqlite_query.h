// The operator's query on an SQLite file of his own, opened for reading alone.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

[[nodiscard]] OpenedBackend open_sqlite_query(const BackendOptions& options);

}  // namespace sluice::auth
