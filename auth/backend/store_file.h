// The store's file: how it is made, who may read it, and how its tables came to be as they are.
// Used by the relay and by sluicectl, also at the same time. Calls block; any thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "auth/backend/sqlite.h"

namespace sluice::auth {

inline constexpr int kStoreVersion = 1;

enum class IfMissing : bool { fail, create };

// Opens the store at `path` and brings its tables up to kStoreVersion. A new file gets mode 0600
// (SQLite gives its -wal and -shm files the same) and, where root makes it, the owner of its
// directory. An existing file that others than its owner may read or write, that is no plain file,
// no Sluice store, or of a later version is refused: the message names the file and the remedy.
[[nodiscard]] absl::StatusOr<std::unique_ptr<Database>> open_store_file(const std::string& path,
                                                                        IfMissing if_missing,
                                                                        int busy_timeout_ms);

}  // namespace sluice::auth
