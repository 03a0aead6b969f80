#include "auth/store/embedded_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auth/store/scram_derivation.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

// That of the graver status; of two that are equally grave, the account's where it has one.
std::string reason_of(const Identity& identity, const std::string& of_account, const std::string& of_customer) {
  if (identity.status() == AccountStatus::active) return {};
  const bool account = identity.account_status == identity.status();
  const bool customer = identity.customer_status == identity.status();
  return account && (!customer || !of_account.empty()) ? of_account : of_customer;
}

}  // namespace

EmbeddedStore::EmbeddedStore(std::unique_ptr<Database> database, std::unique_ptr<PasswordHasher> hasher,
                             const EmbeddedStoreOptions& options)
    : path_(options.path),
      busy_timeout_ms_(options.busy_timeout_ms),
      hasher_(std::move(hasher)),
      database_(std::move(database)) {}

StoreResult<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const EmbeddedStoreOptions& options) {
  // Before it is opened: a file that comes between is found to be another.
  const StoreStamp stamp = stamp_store_file(options.path);
  auto database = open_store_file(options.path, IfMissing::fail, options.busy_timeout_ms);
  if (!database) return std::unexpected(database.error());
  auto hasher = PasswordHasher::create(options.cost);
  if (!hasher) return std::unexpected(hasher.error());
  std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(*std::move(database), *std::move(hasher), options));
  const std::lock_guard lock(store->mutex_);
  store->stamp_ = stamp;
  store->settle();
  return store;
}

// What the journal holds goes into the file, which is then as it was left until another process puts another in its
// place.
void EmbeddedStore::settle() {
  const StoreStamp before = stamp_store_file(path_);
  if (!before.same_file(stamp_)) return;
  // Not being able to is no harm: another process reads it at this moment, and the next change is another occasion.
  static_cast<void>(settle_journal(*database_));
  stamp_ = stamp_store_file(path_);
}

// A file that was replaced, or written over, is opened anew.
StoreResult<> EmbeddedStore::follow_file() {
  const StoreStamp now = stamp_store_file(path_);
  if (database_ != nullptr && now == stamp_) return StoreResult<>();
  // As long as the new one is not whole and ours, the old one is better than none.
  if (StoreResult<> fit = check_store_file(path_); !fit) return std::unexpected(fit.error());
  // SQLite finds a journal by its name alone: what ours holds is not for the new file.
  if (database_ != nullptr && !now.same_file(stamp_))
    if (StoreResult<> settled = settle_journal(*database_); !settled) return std::unexpected(settled.error());
  // Closed first, as the index of the journal is one for all processes that have the file of that name open.
  database_ = nullptr;
  // The same file with other bytes: another process has emptied its journal into it, or written a copy over it, whose
  // changes then lie behind those that were returned before.
  replaced_ = replaced_ || !now.same_file(stamp_);
  return open_again();
}

StoreResult<> EmbeddedStore::open_again() {
  const StoreStamp stamp = stamp_store_file(path_);
  auto opened = open_store_file(path_, IfMissing::fail, busy_timeout_ms_);
  if (!opened) return std::unexpected(opened.error());
  database_ = *std::move(opened);
  stamp_ = stamp;
  lists_.clear();
  settle();
  return StoreResult<>();
}

AccountStore::Matched EmbeddedStore::match(const StoredPassword* password, const Secret& secret) {
  if (password == nullptr) {
    hasher_->match_nothing(secret);
    return {.match = PasswordMatch::wrong, .renewed = {}};
  }
  const SchemeMatch match = hasher_->match(password->hash, secret);
  Matched matched{.match = match.match, .reason = match.reason, .renewed = {}};
  if (matched.match != PasswordMatch::right) return matched;
  // Not being able to is no harm: the next login tries again.
  if (hasher_->outdated(password->hash))
    if (auto renewed = hasher_->hash(secret)) matched.renewed = *std::move(renewed);
  const std::uint32_t iterations = scram_iterations_.load(std::memory_order_relaxed);
  if (iterations != 0 && password->scram_iterations != iterations)
    if (auto keys = make_scram_keys(secret, iterations)) matched.scram = *std::move(keys);
  return matched;
}

// What an account has, be it ten thousand domains, is read behind a right password alone, so that it takes no time that
// a stranger could measure.
Answer EmbeddedStore::admit(const StoredPassword& password, const std::string& renewed) {
  Answer answer = answer_for(password.account_id);
  if (answer.kind == AnswerKind::granted && !renewed.empty()) replace_hash(password, renewed);
  return answer;
}

StoreResult<std::optional<StoredPassword>> EmbeddedStore::find(const Name& name) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  std::optional<StoredPassword> password;
  StoreResult<> read = database_->query(
      "SELECT id, password_hash, (SELECT max(seq) FROM change), coalesce(scram_iterations, 0)"
      " FROM account WHERE name = ?",
      {name.folded()}, [&](const Row& row) {
        password.emplace(StoredPassword{.account_id = row.integer(0),
                                        .hash = row.text(1),
                                        .scram_iterations = static_cast<std::uint32_t>(row.integer(3))});
        newest_answered_ = std::max(newest_answered_, row.integer(2));
      });
  if (!read) return store_error(read.error().kind, failure(read.error()));
  return password;
}

Answer EmbeddedStore::answer_for(std::int64_t account_id) {
  const StoreResult<std::optional<Found>> looked_up = look_up(account_id);
  if (!looked_up) return Answer::unavailable(failure(looked_up.error()));
  // Removed while its password was being hashed.
  if (!looked_up->has_value()) return Answer::wrong();
  const Found& found = **looked_up;
  if (found.identity->account_status == AccountStatus::suspended) {
    return Answer::suspended(suspension_text(found.account_reason), found.identity);
  }
  return unless_suspended(found.identity, found.customer_reason);
}

StoreResult<std::optional<EmbeddedStore::Found>> EmbeddedStore::look_up(std::int64_t account_id) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return std::unexpected(replaced());
  // One transaction: status and domains are to be of the same moment.
  auto transaction = Transaction::to_read(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  std::optional<Found> found;
  bool narrowed = false;
  StoreResult<> read = database_->query(
      "SELECT a.name, a.status, a.reason, a.narrowed, c.id, c.name, c.status, c.reason"
      " FROM account a JOIN customer c ON c.id = a.customer WHERE a.id = ?",
      {account_id}, [&](const Row& row) {
        found.emplace(Found{
            .identity = std::make_shared<Identity>(), .account_reason = row.text(2), .customer_reason = row.text(7)});
        Identity& identity = *found->identity;
        identity.account_id = account_id;
        identity.account_name = row.text(0);
        identity.account_status = status_from_store(row.integer(1));
        identity.customer_id = row.integer(4);
        identity.customer_name = row.text(5);
        identity.customer_status = status_from_store(row.integer(6));
        identity.reason = reason_of(identity, row.text(2), row.text(7));
        narrowed = row.integer(3) != 0;
      });
  if (read && found) read = read_domains(*found->identity, narrowed);
  if (!read) return std::unexpected(read.error());
  return found;
}

StoreResult<> EmbeddedStore::read_domains(Identity& identity, bool narrowed) {
  std::vector<std::string> entries;
  StoreResult<> read = database_->query("SELECT name FROM domain WHERE customer = ?", {identity.customer_id},
                                        [&](const Row& row) { entries.push_back(row.text(0)); });
  if (!read) return std::unexpected(read.error());
  identity.domains = shared_list(identity.customer_id, DomainList(std::move(entries)));
  if (!narrowed) return StoreResult<>();
  std::vector<std::string> narrowing;
  read = database_->query("SELECT domain FROM narrowing WHERE account = ?", {identity.account_id},
                          [&](const Row& row) { narrowing.push_back(row.text(0)); });
  identity.narrowed_to = std::make_shared<const DomainList>(std::move(narrowing));
  return read;
}

std::shared_ptr<const DomainList> EmbeddedStore::shared_list(std::int64_t customer_id, DomainList list) {
  if (lists_.size() >= lists_swept_at_) {
    std::erase_if(lists_, [](const auto& entry) { return entry.second.expired(); });
    lists_swept_at_ = std::max<std::size_t>(1024, 2 * lists_.size());
  }
  std::weak_ptr<const DomainList>& kept = lists_[customer_id];
  if (auto shared = kept.lock(); shared != nullptr && *shared == list) return shared;
  auto made = std::make_shared<const DomainList>(std::move(list));
  kept = made;
  return made;
}

void EmbeddedStore::replace_hash(const StoredPassword& password, const std::string& renewed) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return;
  // Only over the hash that was checked: the password may have been changed meanwhile.
  static_cast<void>(database_->run("UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ?",
                                   {renewed, password.account_id, password.hash}));
  settle();
}

std::optional<bool> EmbeddedStore::has_customer(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return std::nullopt;
  bool found = false;
  const StoreResult<> read =
      database_->query("SELECT 1 FROM customer WHERE name = ?", {name}, [&](const Row&) { found = true; });
  if (!read) return std::nullopt;
  return found;
}

std::string EmbeddedStore::last_error() {
  const std::lock_guard lock(mutex_);
  const StoreResult<> read = follow_file();
  return read ? "" : failure(read.error());
}

Changes EmbeddedStore::changes_since(std::uint64_t seen) {
  Changes changes{.upto = seen};
  const std::lock_guard lock(mutex_);
  StoreResult<> read = follow_file();
  if (read) read = read_changes(seen, changes);
  if (read) read = count_without_scram(changes);
  if (!read) return Changes{.upto = seen, .error = failure(read.error())};
  if (replaced_) changes = Changes{.upto = changes.upto, .everything = true, .without_scram = changes.without_scram};
  replaced_ = false;
  // Seldom: what is changed is read at once by all processes, and is in the file alone from then on.
  if (changes.upto != seen) settle();
  return changes;
}

StoreResult<> EmbeddedStore::read_changes(std::uint64_t seen, Changes& changes) {
  std::int64_t first = 0;
  std::int64_t last = 0;
  auto transaction = Transaction::to_read(*database_);
  StoreResult<> read = without_value(transaction);
  if (read) {
    read = database_->query("SELECT min(seq), max(seq) FROM change", {}, [&](const Row& row) {
      first = row.integer(0);
      last = row.integer(1);
    });
  }
  const auto from = static_cast<std::int64_t>(seen);
  // Behind us, or behind what an answer was made of: the file was replaced by an older one. Far ahead: what came
  // between is no longer listed.
  const bool lost_track = seen != 0 && (last < std::max(from, newest_answered_) || first > from + 1);
  if (read) newest_answered_ = last;
  if (read && seen != 0 && !lost_track && last > from) {
    read = database_->query("SELECT DISTINCT account, customer FROM change WHERE seq > ?", {from}, [&](const Row& row) {
      if (!row.is_null(0)) changes.accounts.push_back(row.text(0));
      if (!row.is_null(1)) changes.customers.push_back(row.integer(1));
    });
  }
  if (!read) return std::unexpected(read.error());
  changes.everything = lost_track;
  changes.upto = static_cast<std::uint64_t>(last);
  return StoreResult<>();
}

std::string EmbeddedStore::failure(const StoreError& error) const {
  return absl::StrCat("account store ", path_, ": ", error.what);
}

}  // namespace sluice::auth
