// The part of AccountAdmin about accounts.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/sender_list.h"
#include "auth/store/account_admin.h"
#include "auth/store/containment_admin.h"
#include "auth/store/known_names.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

std::unexpected<StoreError> no_such_account(std::string_view name) {
  return store_error(StoreError::Kind::not_found,
                     absl::StrCat("there is no account ", in_quotes(name), "; see them with: sluicectl account list"));
}

bool lies_within(const DomainList& domains, const std::string& entry) {
  // "*.a.example.com" lies within "*.example.com" if any one name below it does.
  return entry.starts_with("*.") ? domains.covers("any" + entry.substr(1)) : domains.covers(entry);
}

}  // namespace

StoreResult<std::int64_t> AccountAdmin::account_id(std::string_view name) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  std::optional<std::int64_t> id;
  StoreResult<> read = database_->query("SELECT id FROM account WHERE name = $1", {*stored},
                                        [&](const Row& row) { id = row.integer(0); });
  if (!read) return std::unexpected(read.error());
  if (!id) return no_such_account(name);
  return *id;
}

StoreResult<> AccountAdmin::write_narrowing(std::int64_t account, std::int64_t customer, const Narrowing& narrowing) {
  StoreResult<> written = database_->run("DELETE FROM narrowing WHERE account = $1", {account});
  if (!written || !narrowing) return written;
  StoreResult<std::vector<DomainRecord>> records = domain_records(std::nullopt, customer);
  if (!records) return std::unexpected(records.error());
  std::vector<std::string> names;
  for (DomainRecord& record : *records) names.push_back(std::move(record.name));
  const DomainList domains(std::move(names));

  for (const std::string& each : *narrowing) {
    const std::optional<std::string> entry = canonical_sender_entry(each);
    if (!entry)
      return store_error(StoreError::Kind::invalid,
                         absl::StrCat(in_quotes(each),
                                      " is neither a domain, such as example.com, nor an address, such as "
                                      "sales@example.com or sales-*@example.com"));
    if (!lies_within(domains, std::string(domain_of_entry(*entry)))) {
      return store_error(StoreError::Kind::refused,
                         absl::StrCat("an account cannot be narrowed to ", in_quotes(*entry),
                                      ", which is not its customer's; add it first, with: sluicectl domain add"));
    }
    written = database_->run("INSERT INTO narrowing (account, domain) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                             {account, *entry});
    if (!written) return std::unexpected(written.error());
  }
  return written;
}

StoreResult<> AccountAdmin::add_account(std::string_view name, std::string_view customer, const Secret& password,
                                        const Narrowing& narrowing, WallMillis now) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  const StoreResult<std::string> hash = hasher_->hash(password);
  if (!hash) return std::unexpected(hash.error());
  const auto scram = scram_keys(password);
  if (!scram) return std::unexpected(scram.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<std::int64_t> owner = customer_of_name(*database_, customer);
  if (!owner) return std::unexpected(owner.error());
  std::optional<std::int64_t> id;
  StoreResult<> added = database_->query(
      "INSERT INTO account (name, customer, password_hash, password_set_ms, narrowed, created_ms)"
      " VALUES ($1, $2, $3, $4, $5, $4) ON CONFLICT DO NOTHING RETURNING id",
      {*stored, *owner, *hash, now, std::int64_t{narrowing.has_value()}}, [&](const Row& row) { id = row.integer(0); });
  if (added && !id) {
    return store_error(StoreError::Kind::exists,
                       absl::StrCat("there is an account ", in_quotes(*stored),
                                    " already; its password is set with: sluicectl account password ", *stored));
  }
  if (added) added = write_narrowing(*id, *owner, narrowing);
  if (added) added = write_scram(*stored, *scram);
  if (!added) return std::unexpected(added.error());
  return (*transaction)->commit();
}

StoreResult<std::vector<AccountRecord>> AccountAdmin::account_records(std::optional<std::string_view> name,
                                                                      std::optional<std::int64_t> customer) {
  std::vector<AccountRecord> records;
  StoreResult<> read = database_->query(
      "SELECT a.name, c.name, a.status, a.reason, a.narrowed, a.created_ms, a.password_set_ms, "
      "n.domain, a.class"
      " FROM account a JOIN customer c ON c.id = a.customer LEFT JOIN narrowing n ON n.account = "
      "a.id"
      " WHERE ($1 IS NULL OR a.name = $1) AND ($2 IS NULL OR c.id = $2) ORDER BY a.name, n.domain",
      {Bound::or_null(name), Bound::or_null(customer)}, [&](const Row& row) {
        // A row for each narrowing, one after the other.
        if (records.empty() || records.back().name != row.text(0)) {
          records.push_back({.name = row.text(0),
                             .customer = row.text(1),
                             .status = status_from_store(row.integer(2)),
                             .reason = row.text(3),
                             .created = row.integer(5),
                             .password_set = row.integer(6),
                             .policy_class = row.text(8)});
          if (row.integer(4) != 0) records.back().narrowed_to.emplace();
        }
        if (records.back().narrowed_to && !row.is_null(7)) records.back().narrowed_to->push_back(row.text(7));
      });
  if (read) read = read_overrides(records);
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<std::vector<AccountRecord>> AccountAdmin::accounts(std::optional<std::string_view> of_customer) {
  if (!of_customer) return account_records(std::nullopt, std::nullopt);
  const StoreResult<std::int64_t> owner = customer_of_name(*database_, *of_customer);
  if (!owner) return std::unexpected(owner.error());
  return account_records(std::nullopt, *owner);
}

StoreResult<AccountRecord> AccountAdmin::account(std::string_view name) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  StoreResult<std::vector<AccountRecord>> records = account_records(*stored, std::nullopt);
  if (!records) return std::unexpected(records.error());
  if (records->empty()) return no_such_account(name);
  return std::move(records->front());
}

StoreResult<> AccountAdmin::set_account_status(std::string_view name, AccountStatus status, std::string_view reason) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  const StoreResult<std::string> shown = stored_reason(status == AccountStatus::active ? "" : reason);
  if (!shown) return std::unexpected(shown.error());
  if (StoreResult<> allowed = refuse_contained(*database_, ContainedKind::account, *stored); !allowed) return allowed;
  StoreResult<> set = database_->run("UPDATE account SET status = $1, reason = $2 WHERE name = $3",
                                     {stored_status(status), *shown, *stored});
  if (set && database_->rows_changed() == 0) return no_such_account(name);
  return set;
}

StoreResult<> AccountAdmin::set_password(std::string_view name, const Secret& password, WallMillis now) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  const StoreResult<std::string> hash = hasher_->hash(password);
  if (!hash) return std::unexpected(hash.error());
  const auto scram = scram_keys(password);
  if (!scram) return std::unexpected(scram.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> set = database_->run("UPDATE account SET password_hash = $1, password_set_ms = $2 WHERE name = $3",
                                     {*hash, now, *stored});
  if (set && database_->rows_changed() == 0) return no_such_account(name);
  if (set) set = write_scram(*stored, *scram);
  if (!set) return std::unexpected(set.error());
  return (*transaction)->commit();
}

StoreResult<> AccountAdmin::set_narrowing(std::string_view name, const Narrowing& narrowing) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  std::optional<std::pair<std::int64_t, std::int64_t>> account_and_customer;
  StoreResult<> done =
      database_->query("SELECT id, customer FROM account WHERE name = $1", {*stored},
                       [&](const Row& row) { account_and_customer.emplace(row.integer(0), row.integer(1)); });
  if (done && !account_and_customer) return no_such_account(name);
  if (!done) return std::unexpected(done.error());
  const auto [account, customer] = *account_and_customer;
  done =
      database_->run("UPDATE account SET narrowed = $1 WHERE id = $2", {std::int64_t{narrowing.has_value()}, account});
  if (done) done = write_narrowing(account, customer, narrowing);
  if (!done) return std::unexpected(done.error());
  return (*transaction)->commit();
}

StoreResult<> AccountAdmin::remove_account(std::string_view name) {
  const StoreResult<std::string> stored = stored_account_name(name);
  if (!stored) return std::unexpected(stored.error());
  StoreResult<> removed = database_->run("DELETE FROM account WHERE name = $1", {*stored});
  if (removed && database_->rows_changed() == 0) return no_such_account(name);
  return removed;
}

}  // namespace sluice::auth
