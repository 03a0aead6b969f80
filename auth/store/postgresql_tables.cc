#include "auth/store/postgresql_tables.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "auth/store/store_schema.h"

namespace sluice::auth {
namespace {

// 0: there are no tables.
StoreResult<std::int64_t> tables_version(Database& database) {
  const auto there = database.number(
      "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'sluice' AND tablename = 'store_version'");
  if (!there || *there == 0) return there;
  auto version = database.number("SELECT version FROM sluice.store_version");
  if (version && *version > kStoreVersion)
    return store_error(StoreError::Kind::refused,
                       absl::StrCat("is of version ", *version, ", and this program knows up to ", kStoreVersion,
                                    "; use the newer program"));
  return version;
}

StoreResult<> make_schema(Database& database) {
  const auto there = database.number("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'sluice'");
  if (!there) return std::unexpected(there.error());
  // Making it takes a right in the database that its owner may not have given.
  if (*there == 0)
    if (StoreResult<> made = database.script("CREATE SCHEMA sluice"); !made) return made;
  return database.script("CREATE TABLE store_version (version BIGINT NOT NULL); INSERT INTO store_version VALUES (0)");
}

}  // namespace

StoreResult<> ready_tables(Database& database, StoreTables tables) {
  auto version = tables_version(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  if (*version == 0 && tables != StoreTables::create)
    return store_error(StoreError::Kind::not_found,
                       "has no accounts in it; make its tables with: sluicectl customer add NAME");
  if (tables == StoreTables::look) return {};
  auto transaction = Transaction::to_write(database);
  if (!transaction) return std::unexpected(transaction.error());
  // Again, now that no other process can change it.
  version = tables_version(database);
  if (!version || *version == kStoreVersion) return without_value(version);
  if (*version == 0)
    if (StoreResult<> made = make_schema(database); !made) return made;
  for (auto at = static_cast<std::size_t>(*version); at < kStoreMigrations.size(); ++at)
    if (StoreResult<> applied = database.script(kStoreMigrations[at]); !applied) return applied;
  StoreResult<> marked = database.run("UPDATE store_version SET version = $1", {std::int64_t{kStoreVersion}});
  if (!marked) return marked;
  return (*transaction)->commit();
}

}  // namespace sluice::auth
