// The store's file: how it is made, who may read it, and how its tables came to be as they are.
// Used by the relay and by sluicectl, also at the same time. Calls block; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "auth/store/sqlite.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

inline constexpr int kStoreVersion = 3;

enum class IfMissing : bool { fail, create };

// Opens the store at `path` and brings its tables up to kStoreVersion. A new file gets mode 0600
// (SQLite gives its -wal and -shm files the same) and, where root makes it, the owner of its
// directory. An existing file that others than its owner may read or write, that is no plain file,
// no Sluice store, or of a later version is refused: the message names the file and the remedy.
[[nodiscard]] StoreResult<std::unique_ptr<Database>> open_store_file(const std::string& path, IfMissing if_missing,
                                                                     int busy_timeout_ms);

// Whether the file is one that open_store_file() would take, without a lock and without a change to anything: for a
// file that is to take the place of the one in use, and for a check of the configuration.
[[nodiscard]] StoreResult<> check_store_file(const std::string& path);
// Opens it for looking only.  What is not there is not made, and nothing is brought up to date.
[[nodiscard]] StoreResult<std::unique_ptr<Database>> read_store_file(const std::string& path, int busy_timeout_ms);

// Writes what the journal holds into the file itself, so that the file alone is all there is: a copy of it is whole,
// and one that takes its place does not meet our journal.
[[nodiscard]] StoreResult<> settle_journal(Database& database);

// Which file it is, and whether its bytes are those that were there.  `exists` is false where there is none.
struct StoreStamp {
  bool exists = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
  std::int64_t bytes = 0;
  bool operator==(const StoreStamp&) const = default;
  [[nodiscard]] bool same_file(const StoreStamp& other) const {
    return exists == other.exists && device == other.device && inode == other.inode;
  }
};
[[nodiscard]] StoreStamp stamp_store_file(const std::string& path);

}  // namespace sluice::auth
