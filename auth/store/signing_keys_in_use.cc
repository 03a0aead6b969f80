#include "auth/store/signing_keys_in_use.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/signing_key_rows.h"

namespace sluice::auth {

StoreResult<Database*> SigningKeysInUse::database() {
  if (connection_ == nullptr) {
    auto connection = connect_store(address_, kRelayWaits);
    if (!connection) return std::unexpected(connection.error());
    connection_ = *std::move(connection);
  }
  // A restored copy may have taken the file's place.  While that is not whole, the one before is better than none.
  StoreResult<> followed = connection_->follow();
  Database* const database = connection_->database();
  if (database != nullptr) return database;
  if (!followed) return std::unexpected(followed.error());
  return store_error(StoreError::Kind::unavailable,
                     absl::StrCat("account store ", address_.to_string(), " was replaced by one that does not open"));
}

StoreResult<std::vector<KeyInUse>> SigningKeysInUse::find(std::string_view domain, WallMillis now) {
  const std::lock_guard lock(mutex_);
  const auto store = database();
  if (!store) return std::unexpected(store.error());
  std::vector<KeyInUse> keys;
  bool unreadable = false;
  StoreResult<> done = (*store)->query(
      "SELECT selector, private_key, sealed FROM signing_key WHERE domain = $1"
      " AND (state = 'active' AND since_ms <= $2 OR state = 'retired' AND since_ms > $2)"
      " AND ($3 = 1 OR NOT EXISTS (SELECT 1 FROM domain WHERE name = $1 AND failing_since_ms <> 0))"
      " AND ($4 = 1 OR kept_back = 0) ORDER BY selector",
      {domain, now, std::int64_t{failing_ == WhileFailing::keep_back ? 0 : 1},
       std::int64_t{failing_ == WhileFailing::all_sign ? 1 : 0}},
      [&](const Row& row) {
        auto key = private_key_of(row, 1, 2);
        unreadable = unreadable || !key;
        if (key) keys.push_back({.selector = row.text(0), .private_key = *std::move(key)});
      });
  if (!done) return std::unexpected(done.error());
  if (unreadable)
    return store_error(StoreError::Kind::damaged,
                       absl::StrCat("account store ", address_.to_string(), " has a signing key of ",
                                    std::string(domain), " that is none"));
  return keys;
}

StoreResult<KeptBack> SigningKeysInUse::kept_back(std::string_view domain, WallMillis now) {
  KeptBack kept;
  if (failing_ == WhileFailing::all_sign) return kept;
  const std::lock_guard lock(mutex_);
  const auto store = database();
  if (!store) return std::unexpected(store.error());
  bool failing = false;
  bool others = false;
  StoreResult<> done = (*store)->query(
      "SELECT k.selector, k.kept_back, d.failing_since_ms FROM signing_key k JOIN domain d ON d.name = k.domain"
      " WHERE k.domain = $1 AND (k.state = 'active' AND k.since_ms <= $2 OR k.state = 'retired' AND k.since_ms > $2)"
      " ORDER BY k.selector",
      {domain, now}, [&](const Row& row) {
        failing = row.integer(2) != 0;
        if (row.integer(1) == 0) {
          others = true;
        } else {
          kept.unfit.push_back(row.text(0));
        }
      });
  if (!done) return std::unexpected(done.error());
  if (others) kept = {.failing = failing && failing_ == WhileFailing::keep_back, .unfit = {}};
  return kept;
}

StoreResult<std::vector<std::string>> SigningKeysInUse::parents(std::string_view domain) {
  // One question, however many labels a name has: clients choose their names.
  constexpr Sql kParents{
      "WITH RECURSIVE above (name) AS (SELECT substr($1, instr($1, '.') + 1)"
      " UNION ALL SELECT substr(name, instr(name, '.') + 1) FROM above WHERE instr(name, '.') > 0)"
      " SELECT p.name FROM above JOIN domain p ON p.name = above.name"
      " JOIN domain r ON r.name = '*.' || above.name AND r.customer = p.customer ORDER BY length(p.name) DESC",
      "WITH RECURSIVE above (name) AS (SELECT substr($1, strpos($1, '.') + 1)"
      " UNION ALL SELECT substr(name, strpos(name, '.') + 1) FROM above WHERE strpos(name, '.') > 0)"
      " SELECT p.name FROM above JOIN domain p ON p.name = above.name"
      " JOIN domain r ON r.name = '*.' || above.name AND r.customer = p.customer ORDER BY length(p.name) DESC"};
  const std::lock_guard lock(mutex_);
  const auto store = database();
  if (!store) return std::unexpected(store.error());
  std::vector<std::string> names;
  StoreResult<> done =
      (*store)->query(kParents, {domain}, [&names](const Row& row) { names.emplace_back(row.text(0)); });
  if (!done) return std::unexpected(done.error());
  return names;
}

StoreResult<std::string> SigningKeysInUse::choice(std::string_view customer) {
  constexpr Sql kChoice{
      "SELECT d.name FROM customer c JOIN domain d ON d.name = c.sign_as AND d.customer = c.id WHERE c.name = $1",
      "SELECT d.name FROM customer c JOIN domain d ON d.name = c.sign_as AND d.customer = c.id"
      " WHERE lower(c.name) = lower($1 COLLATE \"C\")"};
  const std::lock_guard lock(mutex_);
  const auto store = database();
  if (!store) return std::unexpected(store.error());
  std::string name;
  StoreResult<> done = (*store)->query(kChoice, {customer}, [&name](const Row& row) { name = row.text(0); });
  if (!done) return std::unexpected(done.error());
  return name;
}

}  // namespace sluice::auth
