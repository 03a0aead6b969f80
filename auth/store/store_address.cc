#include "auth/store/store_address.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/postgresql_store.h"
#include "auth/store/store_file.h"

namespace sluice::auth {
namespace {

// With the tables looked at, so that a server that is not there shows at once.
StoreResult<std::unique_ptr<Database>> open_server(const StoreAddress& address, StoreTables tables,
                                                   const StoreWaits& waits) {
  auto database = make_postgresql_database(address.server, tables, waits);
  if (StoreResult<> ready = database->run("SELECT 1"); !ready)
    return store_error(ready.error().kind, absl::StrCat(address.to_string(), ": ", ready.error().what));
  return database;
}

}  // namespace

StoreAddress::StoreAddress(PostgresqlStore store) : server(std::make_shared<PostgresqlStore>(std::move(store))) {}

std::string StoreAddress::to_string() const { return "account store " + (server != nullptr ? server->name : file); }

StoreResult<std::unique_ptr<Database>> open_store(const StoreAddress& address, IfMissing if_missing,
                                                  const StoreWaits& waits) {
  if (address.server == nullptr) return open_store_file(address.file, if_missing, waits);
  return open_server(address, if_missing == IfMissing::create ? StoreTables::create : StoreTables::update, waits);
}

StoreResult<> check_store(const StoreAddress& address) {
  if (address.server == nullptr) return check_store_file(address.file);
  return without_value(open_server(address, StoreTables::look, kRelayWaits));
}

StoreResult<std::unique_ptr<Database>> read_store(const StoreAddress& address, const StoreWaits& waits) {
  if (address.server == nullptr) return read_store_file(address.file, waits);
  return open_server(address, StoreTables::look, waits);
}

StoreResult<std::unique_ptr<StoreConnection>> connect_store(const StoreAddress& address, const StoreWaits& waits) {
  if (address.server == nullptr) return connect_store_file(address.file, waits);
  return make_postgresql_connection(address.server, waits);
}

}  // namespace sluice::auth
