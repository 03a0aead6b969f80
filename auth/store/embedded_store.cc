#include "auth/store/embedded_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auth/store/scram_derivation.h"
#include "auth/store/store_schema.h"
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

StoreResult<StoreParts> StoreParts::make(const HashCost& cost) {
  auto hasher = PasswordHasher::create(cost);
  if (!hasher) return std::unexpected(hasher.error());
  return StoreParts{.hasher = *std::move(hasher), .memory = std::make_shared<StoreMemory>()};
}

EmbeddedStore::EmbeddedStore(std::unique_ptr<StoreConnection> connection, const EmbeddedStoreOptions& options,
                             const StoreParts& parts)
    : address_(options.address),
      hasher_(parts.hasher),
      memory_(parts.memory),
      connection_(std::move(connection)),
      database_(connection_->database()) {}

StoreResult<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const EmbeddedStoreOptions& options) {
  const auto parts = StoreParts::make(options.cost);
  if (!parts) return std::unexpected(parts.error());
  return open(options, *parts);
}

StoreResult<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const EmbeddedStoreOptions& options,
                                                                const StoreParts& parts) {
  auto connection = connect_store(options.address, options.waits);
  if (!connection) return std::unexpected(connection.error());
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(*std::move(connection), options, parts));
}

StoreResult<> EmbeddedStore::follow() {
  StoreResult<> followed = connection_->follow();
  database_ = connection_->database();
  return followed;
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
  const std::uint32_t iterations = memory_->scram_iterations();
  if (iterations != 0 && password->scram_iterations != iterations)
    if (auto keys = make_scram_keys(secret, iterations)) matched.scram = *std::move(keys);
  return matched;
}

// What an account has, be it ten thousand domains, is read behind a right password alone, so that it takes no time that
// a stranger could measure.
Answer EmbeddedStore::admit(const StoredPassword& password, const std::string& renewed) {
  Answer answer = answer_for(password.account_id, password.known_change);
  if (answer.kind == AnswerKind::granted && !renewed.empty()) replace_hash(password, renewed);
  return answer;
}

StoreResult<std::optional<StoredPassword>> EmbeddedStore::find(const Name& name) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return store_error(StoreError::Kind::unavailable, failure(replaced()));
  std::optional<StoredPassword> password;
  StoreResult<> read = database_->query(
      "SELECT id, password_hash, (SELECT max(seq) FROM change), coalesce(scram_iterations, 0)"
      " FROM account WHERE name = $1",
      {name.folded()}, [&](const Row& row) {
        password.emplace(StoredPassword{.account_id = row.integer(0),
                                        .hash = row.text(1),
                                        .scram_iterations = static_cast<std::uint32_t>(row.integer(3)),
                                        .known_change = static_cast<std::uint64_t>(row.integer(2))});
        memory_->answered_at(row.integer(2));
      });
  if (!read) return store_error(read.error().kind, failure(read.error()));
  return password;
}

Answer EmbeddedStore::answer_for(std::int64_t account_id, std::uint64_t known_change) {
  const StoreResult<std::optional<Found>> looked_up = look_up(account_id);
  if (!looked_up) return Answer::unavailable(failure(looked_up.error()));
  // Removed while its password was being hashed.
  if (!looked_up->has_value()) return Answer::wrong();
  const Found& found = **looked_up;
  found.identity->known_change = known_change;
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
      "SELECT a.name, a.status, a.reason, a.narrowed, c.id, c.name, c.status, c.reason,"
      " CASE WHEN a.class <> '' THEN a.class ELSE c.class END, c.class"
      " FROM account a JOIN customer c ON c.id = a.customer WHERE a.id = $1",
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
        identity.policy_class = row.text(8);
        identity.customer_class = row.text(9);
        narrowed = row.integer(3) != 0;
      });
  if (read && found) read = read_domains(*found->identity, narrowed);
  if (read && found) read = read_overrides(*found->identity);
  if (!read) return std::unexpected(read.error());
  return found;
}

StoreResult<> EmbeddedStore::read_domains(Identity& identity, bool narrowed) {
  std::vector<std::string> entries;
  StoreResult<> read = database_->query("SELECT name FROM domain WHERE customer = $1", {identity.customer_id},
                                        [&](const Row& row) { entries.push_back(row.text(0)); });
  if (!read) return std::unexpected(read.error());
  identity.domains = memory_->shared_list(identity.customer_id, DomainList(std::move(entries)));
  if (!narrowed) return StoreResult<>();
  std::vector<std::string> narrowing;
  read = database_->query("SELECT domain FROM narrowing WHERE account = $1", {identity.account_id},
                          [&](const Row& row) { narrowing.push_back(row.text(0)); });
  identity.narrowed_to = std::make_shared<const SenderList>(narrowing);
  return read;
}

StoreResult<> EmbeddedStore::read_overrides(Identity& identity) {
  LimitOverrides of_account;
  LimitOverrides of_customer;
  StoreResult<> read = database_->query(
      "SELECT account, quantity, span, amount FROM limit_override WHERE account = $1 OR customer = $2",
      {identity.account_id, identity.customer_id}, [&](const Row& row) {
        const auto quantity = parse_quantity(row.text(1));
        const auto span = parse_span(row.text(2));
        // Written by a later version: the class's amount holds.
        if (!quantity || !span) return;
        LimitOverrides& list = row.is_null(0) ? of_customer : of_account;
        list.push_back({.quantity = *quantity, .span = *span, .amount = static_cast<std::uint64_t>(row.integer(3))});
      });
  if (!of_account.empty()) identity.account_overrides = std::make_shared<const LimitOverrides>(std::move(of_account));
  if (!of_customer.empty())
    identity.customer_overrides = std::make_shared<const LimitOverrides>(std::move(of_customer));
  return read;
}

void EmbeddedStore::replace_hash(const StoredPassword& password, const std::string& renewed) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return;
  // Only over the hash that was checked: the password may have been changed meanwhile.
  static_cast<void>(database_->run("UPDATE account SET password_hash = $1 WHERE id = $2 AND password_hash = $3",
                                   {renewed, password.account_id, password.hash}));
  connection_->settle();
}

std::optional<bool> EmbeddedStore::has_customer(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return std::nullopt;
  bool found = false;
  const StoreResult<> read = database_->query(kCustomerOfName, {name}, [&](const Row&) { found = true; });
  if (!read) return std::nullopt;
  return found;
}

std::vector<std::string> EmbeddedStore::customer_names(std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  if (database_ == nullptr) return names;
  const StoreResult<> read =
      database_->query("SELECT name FROM customer ORDER BY name LIMIT $1", {static_cast<std::int64_t>(most)},
                       [&](const Row& row) { names.emplace_back(row.text(0)); });
  return read ? names : std::vector<std::string>();
}

std::optional<std::vector<std::string>> EmbeddedStore::account_names_about(std::string_view name, std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (database_ == nullptr) return std::nullopt;
  std::vector<std::string> names;
  for (const Sql half : {Sql("SELECT name FROM account WHERE name < $1 ORDER BY name DESC LIMIT $2"),
                         Sql("SELECT name FROM account WHERE name >= $1 ORDER BY name LIMIT $2")}) {
    const StoreResult<> read = database_->query(half, {name, static_cast<std::int64_t>(most)},
                                                [&](const Row& row) { names.emplace_back(row.text(0)); });
    if (!read) return std::nullopt;
  }
  return names;
}

std::string EmbeddedStore::last_error() {
  const std::lock_guard lock(mutex_);
  const StoreResult<> read = follow();
  return read ? "" : failure(read.error());
}

Changes EmbeddedStore::changes_since(std::uint64_t seen) {
  Changes changes{.upto = seen};
  const std::lock_guard lock(mutex_);
  StoreResult<> read = follow();
  if (read) read = read_changes(seen, changes);
  if (read) read = count_without_scram(changes);
  if (read) {
    auto contained = read_contained();
    read = without_value(contained);
    if (read) changes.networks = std::move(contained->networks);
  }
  if (!read) return Changes{.upto = seen, .error = failure(read.error())};
  if (connection_->was_replaced())
    changes = Changes{.upto = changes.upto,
                      .everything = true,
                      .without_scram = changes.without_scram,
                      .networks = std::move(changes.networks)};
  // Seldom: what is changed is read at once by all processes, and is in the file alone from then on.
  if (changes.upto != seen) connection_->settle();
  return changes;
}

StoreResult<> EmbeddedStore::read_changes(std::uint64_t seen, Changes& changes) {
  const auto from = static_cast<std::int64_t>(seen);
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::string tag_then;
  std::string tag_now;
  auto transaction = Transaction::to_read(*database_);
  StoreResult<> read = without_value(transaction);
  if (read) {
    // PostgreSQL identifies its changes by tags: store_schema.cc.
    read = database_->query({"SELECT min(seq), max(seq), '', '' FROM change WHERE $1 = $1",
                             "SELECT min(seq), max(seq), (SELECT tag FROM change WHERE seq = $1),"
                             " (SELECT tag FROM change ORDER BY seq DESC LIMIT 1) FROM change"},
                            {from}, [&](const Row& row) {
                              first = row.integer(0);
                              last = row.integer(1);
                              tag_then = row.text(2);
                              tag_now = row.text(3);
                            });
  }
  // Behind us, or behind what an answer was made of, or another than we know: the store was replaced by an older one.
  // Far ahead: what came between is no longer listed.
  const std::int64_t newest_answered = read ? memory_->take_newest_answered(last) : 0;
  const bool lost_track =
      seen != 0 && (last < std::max(from, newest_answered) || first > from + 1 || tag_then != memory_->tag());
  if (read && seen != 0 && !lost_track && last > from) {
    read =
        database_->query("SELECT DISTINCT account, customer FROM change WHERE seq > $1", {from}, [&](const Row& row) {
          // A longer name is that of no login: another program has written it there.
          if (!row.is_null(0) && row.text(0).size() <= kNameBytesMax) changes.accounts.push_back(row.text(0));
          if (!row.is_null(1)) changes.customers.push_back(row.integer(1));
        });
  }
  if (!read) return std::unexpected(read.error());
  memory_->set_tag(std::move(tag_now));
  changes.everything = lost_track;
  changes.upto = static_cast<std::uint64_t>(last);
  return StoreResult<>();
}

std::string EmbeddedStore::failure(const StoreError& error) const {
  return absl::StrCat(address_.to_string(), ": ", error.what);
}

}  // namespace sluice::auth
