// The part of the embedded store that knows what is contained (containment_admin.h).
#include <algorithm>
#include <utility>

#include "auth/store/embedded_store.h"
#include "auth/store/store_values.h"

namespace sluice::auth {

StoreResult<std::vector<Network>> EmbeddedStore::contained_networks() {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  auto networks = read_contained_networks();
  if (!networks) return store_error(networks.error().kind, failure(networks.error()));
  return networks;
}

StoreResult<std::vector<Network>> EmbeddedStore::read_contained_networks() {
  std::vector<Network> networks;
  StoreResult<> read =
      database_->query("SELECT subject FROM containment WHERE kind = 'network' AND released_ms IS NULL ORDER BY id", {},
                       [&](const Row& row) {
                         // Another program may have written what is none.
                         if (const auto network = Network::parse(row.text(0))) networks.push_back(*network);
                       });
  if (!read) return std::unexpected(read.error());
  return networks;
}

// Whichever back end has the account, its own status in the store notwithstanding.
StoreResult<> EmbeddedStore::read_containment(std::string_view account, Identity& identity, std::string& reason) {
  return database_->query(
      "SELECT status, reason FROM containment WHERE kind = 'account' AND subject = $1 AND released_ms IS NULL",
      {account}, [&](const Row& row) {
        identity.account_status = std::max(identity.account_status, status_from_store(row.integer(0)));
        if (reason.empty()) reason = row.text(1);
      });
}

}  // namespace sluice::auth
