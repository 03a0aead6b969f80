// The store in PostgreSQL: our tables, in a schema of its own ("sluice") of a database that several relays and
// sluicectl share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/account_store.h"
#include "auth/store/database.h"
#include "auth/store/postgresql_client.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/io/blocking_wait.h"

namespace sluice::auth {

// A server that did not take a connection is left alone for a moment, so that a login is not kept for a whole timeout,
// and a thread with it, while others are on their way to find out the same.  Any thread.
class ConnectPause {
 public:
  // Why; empty: go on.
  [[nodiscard]] std::string reason();
  void begin(std::string reason, Duration spent);
  void end();

 private:
  std::mutex mutex_;
  std::optional<io::BlockingDeadline> until_;
  std::string reason_;
};

struct PostgresqlStore {
  std::vector<PostgresqlPlace> servers;        // tried in order
  std::string name;                            // for messages
  Duration timeout = std::chrono::seconds(5);  // to connect; of the relay, for each statement as well
  std::uint32_t connections = 4;               // of the relay
  std::shared_ptr<ConnectPause> pause = std::make_shared<ConnectPause>();
};

// What is done with the tables at each new connection.
enum class StoreTables : std::uint8_t {
  look,    // only looked whether they are there and none of a later version
  update,  // brought up to date
  create,  // also made
};

// Makes its connection when it is first needed, and again when that is gone: a statement that could not be asked is
// `unavailable`.
[[nodiscard]] std::unique_ptr<Database> make_postgresql_database(std::shared_ptr<const PostgresqlStore> store,
                                                                 StoreTables tables, const StoreWaits& waits);
[[nodiscard]] std::unique_ptr<StoreConnection> make_postgresql_connection(std::shared_ptr<const PostgresqlStore> store,
                                                                          const StoreWaits& waits);

[[nodiscard]] std::unique_ptr<StoreListener> listen_to_postgresql(std::shared_ptr<const PostgresqlStore> store,
                                                                  std::function<void()> changed,
                                                                  AccountStore::Unheard unheard);

}  // namespace sluice::auth
