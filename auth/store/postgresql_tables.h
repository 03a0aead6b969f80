// How the tables in PostgreSQL come to be as they are.  Used within postgresql_database.cc.
#pragma once

#include "auth/store/database.h"
#include "auth/store/postgresql_store.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

// The lock under which changes are made, so that they become visible in the order of their numbers; until the end of
// the transaction.  The number is "Slui".
inline constexpr Sql kLockChanges = "SELECT pg_advisory_xact_lock(1399616873)";

// One transaction, under that lock, where something is to be done.
[[nodiscard]] StoreResult<> ready_tables(Database& database, StoreTables tables);

}  // namespace sluice::auth
