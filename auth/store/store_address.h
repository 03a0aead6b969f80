// Where a store of accounts is, and how it is opened there.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "auth/store/database.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

enum class IfMissing : bool { fail, create };

// How long those wait that work on a store.
struct StoreWaits {
  Duration lock;          // for what another one writes
  Duration statement{0};  // for a server, at each statement; 0: as its address says
};
// The relay: a client waits for it.
inline constexpr StoreWaits kRelayWaits{.lock = std::chrono::seconds(2)};
// sluicectl.
inline constexpr StoreWaits kAdminWaits{.lock = std::chrono::seconds(10), .statement = std::chrono::hours(1)};

struct PostgresqlStore;  // postgresql_store.h

// A file of SQLite's, or our schema in a database of PostgreSQL's.
struct StoreAddress {
  // NOLINTNEXTLINE(google-explicit-constructor): the path of a file is an address.
  StoreAddress(std::string path) : file(std::move(path)) {}
  explicit StoreAddress(PostgresqlStore store);
  std::string file;                               // empty: a server's
  std::shared_ptr<const PostgresqlStore> server;  // null: a file
  // For messages.
  [[nodiscard]] std::string to_string() const;
};

// With its tables brought up to date.  Calls block.
[[nodiscard]] StoreResult<std::unique_ptr<Database>> open_store(const StoreAddress& address, IfMissing if_missing,
                                                                const StoreWaits& waits);
// Whether it is one that open_store() would take, without a lock and without a change to anything.
[[nodiscard]] StoreResult<> check_store(const StoreAddress& address);
// Opens it for looking only.  What is not there is not made, and nothing is brought up to date.
[[nodiscard]] StoreResult<std::unique_ptr<Database>> read_store(const StoreAddress& address, const StoreWaits& waits);

// One connection to a store for as long as the relay runs, which follows what becomes of the place.  One thread at a
// time; calls block.
class StoreConnection {
 public:
  virtual ~StoreConnection() = default;
  StoreConnection(const StoreConnection&) = delete;
  StoreConnection& operator=(const StoreConnection&) = delete;
  // Null: a file took its place that does not open.  Until the next follow().
  [[nodiscard]] virtual Database* database() = 0;
  // Looks whether another store is in its place now, and is a connection to that.
  [[nodiscard]] virtual StoreResult<> follow() = 0;
  // Whether another one has come since this was last asked.
  [[nodiscard]] virtual bool was_replaced() = 0;
  // Behind a change: see Database.
  virtual void settle() = 0;

 protected:
  StoreConnection() = default;
};

[[nodiscard]] StoreResult<std::unique_ptr<StoreConnection>> connect_store(const StoreAddress& address,
                                                                          const StoreWaits& waits);

}  // namespace sluice::auth
