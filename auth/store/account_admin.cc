// Customers and domains; accounts are in account_admin_accounts.cc.
#include "auth/store/account_admin.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/containment_admin.h"
#include "auth/store/known_names.h"
#include "auth/store/public_suffix.h"
#include "auth/store/signing_key_rows.h"
#include "auth/store/store_address.h"
#include "auth/store/store_schema.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

StoreResult<std::vector<std::string>> read_names(Database& database, const Sql& names_of, std::size_t most) {
  std::vector<std::string> names;
  StoreResult<> read = database.query(names_of, {static_cast<std::int64_t>(most)},
                                      [&names](const Row& row) { names.emplace_back(row.text(0)); });
  if (!read) return std::unexpected(read.error());
  return names;
}

}  // namespace

AccountAdmin::AccountAdmin(std::unique_ptr<Database> database, std::unique_ptr<PasswordHasher> hasher)
    : database_(std::move(database)), hasher_(std::move(hasher)) {}

AccountAdmin::~AccountAdmin() { static_cast<void>(database_->settle()); }

StoreResult<std::unique_ptr<AccountAdmin>> AccountAdmin::open(const StoreAddress& address, IfMissing if_missing,
                                                              const HashCost& cost) {
  auto database = open_store(address, if_missing, kAdminWaits);
  if (!database) return std::unexpected(database.error());
  auto hasher = PasswordHasher::create(cost);
  if (!hasher) return std::unexpected(hasher.error());
  return std::unique_ptr<AccountAdmin>(new AccountAdmin(*std::move(database), *std::move(hasher)));
}

StoreResult<std::vector<std::string>> AccountAdmin::customer_names(std::size_t most) {
  return read_names(*database_, "SELECT name FROM customer ORDER BY name LIMIT $1", most);
}

StoreResult<std::vector<std::string>> AccountAdmin::domain_names(std::size_t most) {
  return read_names(*database_, "SELECT name FROM domain ORDER BY name LIMIT $1", most);
}

StoreResult<std::vector<std::string>> AccountAdmin::account_names(std::size_t most) {
  return read_names(*database_, "SELECT name FROM account ORDER BY name LIMIT $1", most);
}

StoreResult<> AccountAdmin::add_customer(std::string_view name, WallMillis now) {
  const StoreResult<std::string> stored = stored_customer_name(name);
  if (!stored) return std::unexpected(stored.error());
  StoreResult<> added = database_->run("INSERT INTO customer (name, created_ms) VALUES ($1, $2)", {*stored, now});
  if (!already_exists(added)) return added;
  return store_error(StoreError::Kind::exists, absl::StrCat("there is a customer ", in_quotes(name), " already"));
}

StoreResult<std::vector<CustomerRecord>> AccountAdmin::customer_records(std::optional<std::string_view> name) {
  std::vector<CustomerRecord> records;
  StoreResult<> read = database_->query(
      {"SELECT name, status, reason, created_ms,"
       " (SELECT count(*) FROM domain WHERE customer = customer.id),"
       " (SELECT count(*) FROM account WHERE customer = customer.id), class,"
       " coalesce((SELECT name FROM domain WHERE name = customer.sign_as AND customer = customer.id), '')"
       " FROM customer WHERE $1 IS NULL OR name = $1 ORDER BY name",
       "SELECT name, status, reason, created_ms,"
       " (SELECT count(*) FROM domain WHERE customer = customer.id),"
       " (SELECT count(*) FROM account WHERE customer = customer.id), class,"
       " coalesce((SELECT name FROM domain WHERE name = customer.sign_as AND customer = customer.id), '')"
       " FROM customer WHERE $1 IS NULL OR lower(name) = lower($1 COLLATE \"C\") ORDER BY lower(name)"},
      {Bound::or_null(name)}, [&](const Row& row) {
        records.push_back({.name = row.text(0),
                           .status = status_from_store(row.integer(1)),
                           .reason = row.text(2),
                           .created = row.integer(3),
                           .domains = row.integer(4),
                           .accounts = row.integer(5),
                           .policy_class = row.text(6),
                           .sign_as = row.text(7)});
      });
  if (read) read = read_overrides(records);
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<std::vector<CustomerRecord>> AccountAdmin::customers() { return customer_records(std::nullopt); }

StoreResult<CustomerRecord> AccountAdmin::customer(std::string_view name) {
  StoreResult<std::vector<CustomerRecord>> records = customer_records(name);
  if (!records) return std::unexpected(records.error());
  if (records->empty()) return no_such_customer(name);
  return std::move(records->front());
}

StoreResult<> AccountAdmin::set_customer_status(std::string_view name, AccountStatus status, std::string_view reason) {
  const StoreResult<std::string> stored = stored_reason(status == AccountStatus::active ? "" : reason);
  if (!stored) return std::unexpected(stored.error());
  if (StoreResult<> allowed = refuse_contained(*database_, ContainedKind::customer, name); !allowed) return allowed;
  StoreResult<> set = database_->run({"UPDATE customer SET status = $1, reason = $2 WHERE name = $3",
                                      "UPDATE customer SET status = $1, reason = $2"
                                      " WHERE lower(name) = lower($3 COLLATE \"C\")"},
                                     {stored_status(status), *stored, name});
  if (set && database_->rows_changed() == 0) return no_such_customer(name);
  return set;
}

StoreResult<> AccountAdmin::set_customer_sign_as(std::string_view name, std::string_view domain) {
  const StoreResult<std::string> entry = domain.empty() ? std::string() : stored_domain_entry(domain);
  if (!entry) return std::unexpected(entry.error());
  if (entry->starts_with("*."))
    return store_error(StoreError::Kind::invalid, "one domain signs, not all that lies below one");
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<CustomerRecord> record = customer(name);
  if (!record) return std::unexpected(record.error());
  if (!entry->empty()) {
    const StoreResult<DomainRecord> known = this->domain(*entry);
    if (!known) return std::unexpected(known.error());
    if (known->customer != record->name)
      return store_error(StoreError::Kind::refused,
                         absl::StrCat("domain ", in_quotes(*entry), " is of customer ", in_quotes(known->customer)));
  }
  StoreResult<> set = database_->run("UPDATE customer SET sign_as = $1 WHERE name = $2", {*entry, record->name});
  return set ? (*transaction)->commit() : set;
}

StoreResult<> AccountAdmin::remove_customer(std::string_view name, bool recursive) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<CustomerRecord> record = customer(name);
  if (!record) return std::unexpected(record.error());
  if (!recursive && record->domains + record->accounts > 0) {
    return store_error(StoreError::Kind::refused, absl::StrCat("customer ", in_quotes(record->name), " still has ",
                                                               record->domains, " domain(s) and ", record->accounts,
                                                               " account(s); give --recursive to remove these too"));
  }
  if (StoreResult<> removed = database_->run(
          {"DELETE FROM customer WHERE name = $1", "DELETE FROM customer WHERE lower(name) = lower($1 COLLATE \"C\")"},
          {name});
      !removed) {
    return std::unexpected(removed.error());
  }
  if (record->domains > 0)
    if (StoreResult<> counted = count_key_change(*database_); !counted) return counted;
  return (*transaction)->commit();
}

// An entry meets another customer's if some domain would belong to both.
StoreResult<> AccountAdmin::check_domain_is_free(const std::string& entry, std::int64_t customer) {
  std::string theirs;
  std::string owner;
  const auto on_row = [&](const Row& row) {
    if (!entries_overlap(entry, row.text(0))) return;
    theirs = row.text(0);
    owner = row.text(1);
  };
  // What lies above can be asked for by name; what lies below only a wildcard needs to know, and
  // has to look for.
  StoreResult<> read = StoreResult<>();
  if (entry.starts_with("*.")) {
    read = database_->query("SELECT d.name, c.name FROM domain d JOIN customer c ON c.id = d.customer WHERE c.id <> $1",
                            {customer}, on_row);
  }
  std::string above = entry;
  for (std::size_t dot = above.find('.'); dot != std::string::npos && read; dot = above.find('.', dot + 1)) {
    above[dot - 1] = '*';
    read = database_->query(
        "SELECT d.name, c.name FROM domain d JOIN customer c ON c.id = d.customer WHERE d.name = $1 "
        "AND c.id <> $2",
        {std::string_view(above).substr(dot - 1), customer}, on_row);
  }
  if (!read || theirs.empty()) return read;
  return store_error(
      StoreError::Kind::exists,
      absl::StrCat("domain ", in_quotes(entry), " meets ", in_quotes(theirs), " of customer ", in_quotes(owner),
                   "; that would have to be removed first, with: ", "sluicectl domain remove '", theirs, "'"));
}

StoreResult<> AccountAdmin::add_domain(std::string_view name, std::string_view customer, WallMillis now) {
  const StoreResult<std::string> entry = stored_new_domain_entry(name);
  if (!entry) return std::unexpected(entry.error());
  if (entry->starts_with("*.") && is_public_suffix(entry->substr(2)))
    return store_error(StoreError::Kind::invalid,
                       absl::StrCat(in_quotes(*entry), " cannot be one customer's: names below ", entry->substr(2),
                                    " are registered by anybody (publicsuffix.org); add each by itself"));
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  const StoreResult<std::int64_t> owner = customer_of_name(*database_, customer);
  if (!owner) return std::unexpected(owner.error());
  if (StoreResult<> is_free = check_domain_is_free(*entry, *owner); !is_free) return std::unexpected(is_free.error());
  StoreResult<> added = database_->run(
      "INSERT INTO domain (name, customer, ownership, created_ms) VALUES ($1, $2, 'asserted', $3) ON CONFLICT DO "
      "NOTHING",
      {*entry, *owner, now});
  if (added && database_->rows_changed() == 0) {
    const StoreResult<DomainRecord> known = domain(*entry);
    return store_error(StoreError::Kind::exists,
                       absl::StrCat("there is a domain ", in_quotes(*entry), " already, of customer ",
                                    known ? in_quotes(known->customer) : "unknown"));
  }
  // What is asserted need not be proven.
  if (added) added = database_->run("DELETE FROM domain_claim WHERE name = $1 AND customer = $2", {*entry, *owner});
  if (!added) return std::unexpected(added.error());
  return (*transaction)->commit();
}

StoreResult<std::vector<DomainRecord>> AccountAdmin::domain_records(std::optional<std::string_view> name,
                                                                    std::optional<std::int64_t> customer) {
  std::vector<DomainRecord> records;
  StoreResult<> read = database_->query(
      "SELECT d.name, c.name, d.ownership, d.created_ms, d.proof_seen_ms, d.checked_ms, d.verdict, d.finding,"
      " d.failing_since_ms FROM domain d JOIN customer c ON c.id = d.customer"
      " WHERE ($1 IS NULL OR d.name = $1) AND ($2 IS NULL OR c.id = $2) ORDER BY d.name",
      {Bound::or_null(name), Bound::or_null(customer)}, [&](const Row& row) {
        records.push_back({.name = row.text(0),
                           .customer = row.text(1),
                           .ownership = row.text(2),
                           .created = row.integer(3),
                           .proof_seen = row.integer(4),
                           .checked = row.integer(5),
                           .verdict = row.text(6),
                           .finding = row.text(7),
                           .failing_since = row.integer(8)});
      });
  if (!read) return std::unexpected(read.error());
  return records;
}

StoreResult<std::vector<DomainRecord>> AccountAdmin::domains(std::optional<std::string_view> of_customer) {
  if (!of_customer) return domain_records(std::nullopt, std::nullopt);
  const StoreResult<std::int64_t> owner = customer_of_name(*database_, *of_customer);
  if (!owner) return std::unexpected(owner.error());
  return domain_records(std::nullopt, *owner);
}

StoreResult<DomainRecord> AccountAdmin::domain(std::string_view name) {
  const StoreResult<std::string> entry = stored_domain_entry(name);
  if (!entry) return std::unexpected(entry.error());
  StoreResult<std::vector<DomainRecord>> records = domain_records(*entry, std::nullopt);
  if (!records) return std::unexpected(records.error());
  if (records->empty()) return no_such_domain(name);
  return std::move(records->front());
}

StoreResult<> AccountAdmin::remove_domain(std::string_view name) {
  const StoreResult<std::string> entry = stored_domain_entry(name);
  if (!entry) return std::unexpected(entry.error());
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  StoreResult<> removed = database_->run("DELETE FROM domain WHERE name = $1", {*entry});
  if (removed && database_->rows_changed() == 0) return no_such_domain(name);
  // Nor does it sign for its customer when it is added again.
  if (removed) removed = database_->run("UPDATE customer SET sign_as = '' WHERE sign_as = $1", {*entry});
  // Its keys have gone with it.
  if (removed) removed = count_key_change(*database_);
  return removed ? (*transaction)->commit() : removed;
}

}  // namespace sluice::auth
