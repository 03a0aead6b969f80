// A database in a file, by SQLite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "auth/store/database.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

enum class SqliteAccess : std::uint8_t {
  read_write,
  read_only,
  // Of a file that no other process has open: takes no lock, looks at no journal and leaves no trace, so that it
  // shows what is in the file alone.
  glance,
};
// `busy_timeout_ms`: how long a statement waits for another process's lock.
[[nodiscard]] StoreResult<std::unique_ptr<Database>> open_sqlite(const std::string& path, int busy_timeout_ms,
                                                                 SqliteAccess access = SqliteAccess::read_write);

}  // namespace sluice::auth
