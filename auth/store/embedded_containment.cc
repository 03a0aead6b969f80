// The part of the embedded store that knows what is contained (containment_admin.h).
#include <algorithm>
#include <utility>

#include "auth/store/embedded_store.h"
#include "auth/store/store_values.h"

namespace sluice::auth {

StoreResult<Contained> EmbeddedStore::contained() {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  auto contained = read_contained();
  if (!contained) return store_error(contained.error().kind, failure(contained.error()));
  return contained;
}

StoreResult<Contained> EmbeddedStore::read_contained() {
  Contained contained;
  StoreResult<> read = database_->query("SELECT kind, subject FROM containment WHERE released_ms IS NULL ORDER BY id",
                                        {}, [&](const Row& row) {
                                          if (row.text(0) == "account") contained.accounts.emplace_back(row.text(1));
                                          if (row.text(0) == "customer") contained.customers.emplace_back(row.text(1));
                                          if (row.text(0) != "network") return;
                                          // Another program may have written what is none.
                                          if (const auto network = Network::parse(row.text(1)))
                                            contained.networks.push_back(*network);
                                        });
  if (!read) return std::unexpected(read.error());
  return contained;
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
