// The part of AccountAdmin about accounts.
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/backend/account_admin.h"
#include "auth/backend/store_values.h"

namespace sluice::auth {
namespace {

absl::Status no_such_account(std::string_view name) {
  return absl::NotFoundError(
      absl::StrCat("there is no account ", in_quotes(name), "; see them with: sluicectl account list"));
}

bool lies_within(const DomainList& domains, const std::string& entry) {
  // "*.a.example.com" lies within "*.example.com" if any one name below it does.
  return entry.starts_with("*.") ? domains.covers("any" + entry.substr(1)) : domains.covers(entry);
}

}  // namespace

absl::Status AccountAdmin::write_narrowing(std::int64_t account, std::int64_t customer, const Narrowing& narrowing) {
  absl::Status written = database_->run("DELETE FROM narrowing WHERE account = ?", {account});
  if (!written.ok() || !narrowing) return written;
  absl::StatusOr<std::vector<DomainRecord>> records = domain_records(std::nullopt, customer);
  if (!records.ok()) return records.status();
  std::vector<std::string> names;
  for (DomainRecord& record : *records) names.push_back(std::move(record.name));
  const DomainList domains(std::move(names));

  for (const std::string& domain : *narrowing) {
    const absl::StatusOr<std::string> entry = stored_domain_entry(domain);
    if (!entry.ok()) return entry.status();
    if (!lies_within(domains, *entry)) {
      return absl::FailedPreconditionError(
          absl::StrCat("an account cannot be narrowed to ", in_quotes(*entry),
                       ", which is not its customer's; add it first, with: sluicectl domain add"));
    }
    written = database_->run("INSERT OR IGNORE INTO narrowing (account, domain) VALUES (?, ?)", {account, *entry});
    if (!written.ok()) return written;
  }
  return written;
}

absl::Status AccountAdmin::add_account(std::string_view name, std::string_view customer, const Secret& password,
                                       const Narrowing& narrowing, WallMillis now) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  const absl::StatusOr<std::string> hash = hasher_->hash(password);
  if (!hash.ok()) return hash.status();
  auto transaction = Transaction::to_write(*database_);
  if (!transaction.ok()) return transaction.status();
  const absl::StatusOr<std::int64_t> owner = customer_id(customer);
  if (!owner.ok()) return owner.status();
  absl::Status added = database_->run(
      "INSERT INTO account (name, customer, password_hash, password_set_ms, narrowed, created_ms)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?4)",
      {*stored, *owner, *hash, now, std::int64_t{narrowing.has_value()}});
  if (absl::IsAlreadyExists(added)) {
    return absl::AlreadyExistsError(absl::StrCat("there is an account ", in_quotes(*stored),
                                                 " already; its password is set with: sluicectl account password ",
                                                 *stored));
  }
  if (added.ok()) added = write_narrowing(database_->last_row_id(), *owner, narrowing);
  if (!added.ok()) return added;
  return (*transaction)->commit();
}

absl::StatusOr<std::vector<AccountRecord>> AccountAdmin::account_records(std::optional<std::string_view> name,
                                                                         std::optional<std::int64_t> customer) {
  std::vector<AccountRecord> records;
  absl::Status read = database_->query(
      "SELECT a.name, c.name, a.status, a.reason, a.narrowed, a.created_ms, a.password_set_ms, "
      "n.domain"
      " FROM account a JOIN customer c ON c.id = a.customer LEFT JOIN narrowing n ON n.account = "
      "a.id"
      " WHERE (?1 IS NULL OR a.name = ?1) AND (?2 IS NULL OR c.id = ?2) ORDER BY a.name, n.domain",
      {Bound::or_null(name), Bound::or_null(customer)}, [&](const Row& row) {
        // A row for each narrowing, one after the other.
        if (records.empty() || records.back().name != row.text(0)) {
          records.push_back({.name = row.text(0),
                             .customer = row.text(1),
                             .status = status_from_store(row.integer(2)),
                             .reason = row.text(3),
                             .created = row.integer(5),
                             .password_set = row.integer(6)});
          if (row.integer(4) != 0) records.back().narrowed_to.emplace();
        }
        if (records.back().narrowed_to && !row.is_null(7)) records.back().narrowed_to->push_back(row.text(7));
      });
  if (!read.ok()) return read;
  return records;
}

absl::StatusOr<std::vector<AccountRecord>> AccountAdmin::accounts(std::optional<std::string_view> of_customer) {
  if (!of_customer) return account_records(std::nullopt, std::nullopt);
  const absl::StatusOr<std::int64_t> owner = customer_id(*of_customer);
  if (!owner.ok()) return owner.status();
  return account_records(std::nullopt, *owner);
}

absl::StatusOr<AccountRecord> AccountAdmin::account(std::string_view name) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  absl::StatusOr<std::vector<AccountRecord>> records = account_records(*stored, std::nullopt);
  if (!records.ok()) return records.status();
  if (records->empty()) return no_such_account(name);
  return std::move(records->front());
}

absl::Status AccountAdmin::set_account_status(std::string_view name, AccountStatus status, std::string_view reason) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  const absl::StatusOr<std::string> shown = stored_reason(status == AccountStatus::active ? "" : reason);
  if (!shown.ok()) return shown.status();
  absl::Status set = database_->run("UPDATE account SET status = ?, reason = ? WHERE name = ?",
                                    {stored_status(status), *shown, *stored});
  if (set.ok() && database_->rows_changed() == 0) return no_such_account(name);
  return set;
}

absl::Status AccountAdmin::set_password(std::string_view name, const Secret& password, WallMillis now) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  const absl::StatusOr<std::string> hash = hasher_->hash(password);
  if (!hash.ok()) return hash.status();
  absl::Status set =
      database_->run("UPDATE account SET password_hash = ?, password_set_ms = ? WHERE name = ?", {*hash, now, *stored});
  if (set.ok() && database_->rows_changed() == 0) return no_such_account(name);
  return set;
}

absl::Status AccountAdmin::set_narrowing(std::string_view name, const Narrowing& narrowing) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  auto transaction = Transaction::to_write(*database_);
  if (!transaction.ok()) return transaction.status();
  std::optional<std::pair<std::int64_t, std::int64_t>> account_and_customer;
  absl::Status done =
      database_->query("SELECT id, customer FROM account WHERE name = ?", {*stored},
                       [&](const Row& row) { account_and_customer.emplace(row.integer(0), row.integer(1)); });
  if (done.ok() && !account_and_customer) return no_such_account(name);
  if (!done.ok()) return done;
  const auto [account, customer] = *account_and_customer;
  done = database_->run("UPDATE account SET narrowed = ? WHERE id = ?", {std::int64_t{narrowing.has_value()}, account});
  if (done.ok()) done = write_narrowing(account, customer, narrowing);
  if (!done.ok()) return done;
  return (*transaction)->commit();
}

absl::Status AccountAdmin::remove_account(std::string_view name) {
  const absl::StatusOr<std::string> stored = stored_account_name(name);
  if (!stored.ok()) return stored.status();
  absl::Status removed = database_->run("DELETE FROM account WHERE name = ?", {*stored});
  if (removed.ok() && database_->rows_changed() == 0) return no_such_account(name);
  return removed;
}

}  // namespace sluice::auth
