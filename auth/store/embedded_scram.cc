// The part of EmbeddedStore about SCRAM's keys.
#include <algorithm>
#include <utility>

#include "auth/store/embedded_store.h"
#include "auth/store/store_schema.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kKeySetting = "scram_key";

}  // namespace

StoreResult<std::string> EmbeddedStore::false_key() {
  std::string key;
  StoreResult<> read = database_->query("SELECT value FROM setting WHERE key = $1", {kKeySetting},
                                        [&](const Row& row) { key = row.text(0); });
  if (read && key.empty()) read = store_error(StoreError::Kind::damaged, "has lost its key for SCRAM");
  if (!read) return std::unexpected(read.error());
  return key;
}

// Those of some account, picked by the name: accounts keep the iterations of the day when their keys were made, and a
// name that is not known must not stand out by having today's.
StoreResult<std::uint32_t> EmbeddedStore::false_iterations(std::uint32_t share) {
  std::uint32_t iterations = std::max(memory_->scram_iterations(), kScramIterationsMin);
  StoreResult<> read = database_->query(
      "SELECT scram_iterations FROM account"
      " WHERE id >= (SELECT max(id) FROM account) * $1 / 65536 AND scram_iterations IS NOT NULL ORDER BY id LIMIT 1",
      {std::int64_t{share}}, [&](const Row& row) {
        iterations = static_cast<std::uint32_t>(
            std::clamp<std::int64_t>(row.integer(0), kScramIterationsMin, kScramIterationsMax));
      });
  if (!read) return std::unexpected(read.error());
  return iterations;
}

// The same work for each name.
StoreResult<ScramKeys> EmbeddedStore::read_scram_keys(const Name& name) {
  const auto key = false_key();
  if (!key) return std::unexpected(key.error());
  const auto iterations = false_iterations(false_scram_share(*key, name));
  if (!iterations) return std::unexpected(iterations.error());
  ScramKeys keys = false_scram_keys(*key, name, *iterations);
  StoreResult<> read = database_->query(
      "SELECT id, scram, scram_iterations, (SELECT max(seq) FROM change) FROM account"
      " WHERE name = $1 AND scram_iterations IS NOT NULL",
      {name.folded()}, [&](const Row& row) {
        auto stored = read_scram_text(row.text(1), static_cast<std::uint32_t>(row.integer(2)));
        memory_->answered_at(row.integer(3));
        if (!stored) return;
        keys = *std::move(stored);
        keys.account_id = row.integer(0);
      });
  if (!read) return std::unexpected(read.error());
  return keys;
}

StoreResult<ScramKeys> EmbeddedStore::scram_keys(const Name& name) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  auto keys = read_scram_keys(name);
  if (!keys) return store_error(keys.error().kind, failure(keys.error()));
  return keys;
}

// The password may have been changed since the client was asked.
Answer EmbeddedStore::admit_scram(const ScramKeys& keys) {
  bool same = false;
  std::uint64_t known_change = 0;
  {
    const std::lock_guard lock(mutex_);
    if (database_ == nullptr) return Answer::unavailable(failure(replaced()));
    StoreResult<> read = database_->query("SELECT scram, (SELECT max(seq) FROM change) FROM account WHERE id = $1",
                                          {keys.account_id}, [&](const Row& row) {
                                            same = row.text(0) == scram_text(keys);
                                            known_change = static_cast<std::uint64_t>(row.integer(1));
                                          });
    if (!read) return Answer::unavailable(failure(read.error()));
  }
  return same ? answer_for(keys.account_id, known_change) : Answer::wrong();
}

// Only of the password that was checked: it may have been changed meanwhile.
void EmbeddedStore::keep_scram(const StoredPassword& password, const Matched& matched) {
  if (!matched.scram) return;
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return;
  const std::string& hash = matched.renewed.empty() ? password.hash : matched.renewed;
  static_cast<void>(
      database_->run("UPDATE account SET scram = $1, scram_iterations = $2 WHERE id = $3 AND password_hash = $4",
                     {scram_text(*matched.scram), std::int64_t{matched.scram->iterations}, password.account_id, hash}));
  connection_->settle();
}

// Of an index that has those without keys alone.
StoreResult<> EmbeddedStore::count_without_scram(Changes& changes) {
  if (memory_->scram_iterations() == 0) return {};
  return database_->query(kCountWithoutScram, {},
                          [&](const Row& row) { changes.without_scram = static_cast<std::uint64_t>(row.integer(0)); });
}

}  // namespace sluice::auth
