#include "auth/backend/store_server.h"

#include <utility>

#include "auth/backend/client_library.h"
#include "auth/backend/postgresql.h"
#include "auth/store/postgresql_store.h"

namespace sluice::auth {

std::expected<StoreAddress, std::string> store_address_of(const std::string& accounts, const BackendOptions& server) {
  if (server.servers.empty()) return StoreAddress(accounts);
  const auto login = LibraryLogin::make(server);
  if (!login) return std::unexpected(login.error());
  PostgresqlStore store{
      .servers = {}, .name = "postgresql", .timeout = server.timeout, .connections = server.connections};
  for (const BackendServer& each : login->options.servers) {
    store.servers.push_back(postgresql_place(*login, each));
    store.name += " " + each.to_string();
  }
  store.name += " database " + server.database;
  return StoreAddress(std::move(store));
}

}  // namespace sluice::auth
