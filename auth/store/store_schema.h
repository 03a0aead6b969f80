// The tables of a store, and how they came to be as they are.
#pragma once

#include <array>

#include "auth/store/database.h"

namespace sluice::auth {

inline constexpr int kStoreVersion = 13;

// Never changed once released: a new version is a new entry, and the store says how many were applied (a file's
// user_version; in PostgreSQL the table store_version).  A statement that both take is written once.
extern const std::array<Sql, kStoreVersion> kStoreMigrations;

// A customer's name compares without the case of ASCII's letters: SQLite's column says so; in PostgreSQL lower() folds
// these alone where the collation is "C", which is that of all our columns of text.
inline constexpr Sql kCustomerOfName{"SELECT id FROM customer WHERE name = $1",
                                     "SELECT id FROM customer WHERE lower(name) = lower($1 COLLATE \"C\")"};

// How many accounts hold SCRAM back: those without keys, but for those whose login is refused anyway, be it their own
// status or their customer's.  When one of these is activated, that is a change, and they are counted again.
inline constexpr Sql kCountWithoutScram{
    // CROSS JOIN: SQLite would begin with all customers.
    "SELECT count(*) FROM account CROSS JOIN customer WHERE customer.id = account.customer"
    " AND account.scram_iterations IS NULL AND account.status <> 2 AND customer.status <> 2"};

}  // namespace sluice::auth
