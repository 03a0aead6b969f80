// The part of AccountAdmin that takes over accounts of other programs.
#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/account_admin.h"
#include "auth/store/domain_owner.h"
#include "auth/store/known_names.h"
#include "auth/store/store_values.h"

namespace sluice::auth {
namespace {

std::string domain_of(std::string_view name) {
  const std::size_t at = name.rfind('@');
  return at == std::string_view::npos ? "" : std::string(name.substr(at + 1));
}

// Whether it concerns this one account: the others can go on.
bool is_of_one(const StoreError& error) {
  return error.kind == StoreError::Kind::invalid || error.kind == StoreError::Kind::not_found ||
         error.kind == StoreError::Kind::exists;
}

std::unexpected<StoreError> is_there(const std::string& name) {
  return store_error(StoreError::Kind::exists, absl::StrCat("there is an account ", in_quotes(name), " already"));
}

// A column of some rows, as string_to_array() takes it apart: names have no control character, nor has a hash that
// comes here.
constexpr char kSeparator = '\n';

struct ImportColumn {
  void add(std::string_view value) {
    if (rows++ > 0) text += kSeparator;
    text += value;
  }
  std::string text;
  std::size_t rows = 0;
};

// SQLite, which takes one row a statement, has no such arrays.
constexpr Sql kInsertBatch{
    "SELECT $1, $2, $3, $4, $5, $6, $7",
    "INSERT INTO account (password_set_ms, created_ms, name, customer, status, password_hash, scram, scram_iterations)"
    " SELECT $1, $1, name, customer, status, hash, scram, iterations FROM unnest("
    "string_to_array($2, E'\\n'), string_to_array($3, E'\\n')::bigint[], string_to_array($4, E'\\n')::bigint[],"
    " string_to_array($5, E'\\n'), string_to_array($6, E'\\n', ''), string_to_array($7, E'\\n', '')::bigint[]"
    ") WITH ORDINALITY AS rows (name, customer, status, hash, scram, iterations, place)"
    " ORDER BY place ON CONFLICT DO NOTHING RETURNING name"};

}  // namespace

StoreResult<std::string> AccountAdmin::hash_password(const Secret& password) { return hasher_->hash(password); }

StoreResult<std::int64_t> AccountAdmin::customer_of_domain(const std::string& domain) {
  const auto id = owner_of_domain(*database_, domain);
  if (!id) return std::unexpected(id.error());
  if (*id) return **id;
  return store_error(StoreError::Kind::not_found, domain.empty()
                                                      ? "its name has no domain, and no customer is named"
                                                      : absl::StrCat("no customer has the domain ", in_quotes(domain)));
}

StoreResult<AccountAdmin::ReadyAccount> AccountAdmin::ready_account(const DumpedAccount& account,
                                                                    const std::string& customer, ImportOwners& owners) {
  StoreResult<std::string> name = stored_account_name(account.name);
  if (!name) return std::unexpected(name.error());
  const std::string& named = account.customer.empty() ? customer : account.customer;
  const std::string domain = named.empty() ? domain_of(*name) : "";
  const auto [owner, is_new] = owners.try_emplace({named, domain});
  if (is_new) owner->second = named.empty() ? customer_of_domain(domain) : customer_of_name(*database_, named);
  if (!owner->second) return std::unexpected(owner->second.error());
  return ReadyAccount{.dumped = &account, .name = *std::move(name), .customer = *owner->second};
}

// One statement for all of them: each would be a round trip.  The rows go in their order: of two of one name the first
// one is taken.
StoreResult<> AccountAdmin::import_batch(std::span<const ReadyAccount> batch, WallMillis now, ImportResult& result) {
  ImportColumn names;
  ImportColumn customers;
  ImportColumn statuses;
  ImportColumn hashes;
  ImportColumn scrams;
  ImportColumn iterations;
  for (const ReadyAccount& each : batch) {
    const DumpedAccount& dumped = *each.dumped;
    names.add(each.name);
    customers.add(std::to_string(each.customer));
    statuses.add(std::to_string(stored_status(dumped.status)));
    hashes.add(dumped.hash);
    scrams.add(dumped.scram ? scram_text(*dumped.scram) : "");
    iterations.add(dumped.scram ? std::to_string(dumped.scram->iterations) : "");
  }
  std::set<std::string> added;
  StoreResult<> done = database_->query(
      kInsertBatch,
      {std::int64_t{now}, names.text, customers.text, statuses.text, hashes.text, scrams.text, iterations.text},
      [&](const Row& row) { added.insert(row.text(0)); });
  if (!done) return done;
  for (const ReadyAccount& each : batch)
    if (added.erase(each.name) > 0) {
      ++result.imported;
    } else {
      result.refuse(*each.dumped, is_there(each.name).error().what);
    }
  return done;
}

StoreResult<> AccountAdmin::import_one(const ReadyAccount& account, WallMillis now, ImportResult& result) {
  const DumpedAccount& dumped = *account.dumped;
  StoreResult<> added = database_->run(
      "INSERT INTO account (name, customer, status, password_hash, password_set_ms, created_ms)"
      " VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
      {account.name, account.customer, stored_status(dumped.status), dumped.hash, now});
  if (!added) return added;
  if (database_->rows_changed() == 0) {
    result.refuse(dumped, is_there(account.name).error().what);
    return added;
  }
  ++result.imported;
  return dumped.scram ? write_scram(account.name, dumped.scram) : added;
}

StoreResult<> AccountAdmin::import_some(std::span<const ReadyAccount> accounts, WallMillis now, ImportResult& result) {
  if (accounts.size() > 1) return import_batch(accounts, now, result);
  return accounts.empty() ? StoreResult<>() : import_one(accounts.front(), now, result);
}

StoreResult<std::size_t> AccountAdmin::import_accounts(std::span<const DumpedAccount> accounts,
                                                       const ImportOptions& options, WallMillis now,
                                                       std::vector<DumpRefusal>& refusals) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  ImportOwners owners;
  const auto refused_before = static_cast<std::ptrdiff_t>(refusals.size());
  ImportResult result{.refusals = refusals};
  std::vector<ReadyAccount> batch;
  for (std::size_t at = 0; at < accounts.size(); ++at) {
    const DumpedAccount& account = accounts[at];
    auto ready = ready_account(account, options.customer, owners);
    if (!ready && !is_of_one(ready.error())) return std::unexpected(ready.error());
    if (!ready) result.refuse(account, ready.error().what);
    const bool alone = account.hash.find(kSeparator) != std::string::npos;
    if (ready && !alone) batch.push_back(*ready);
    if (!alone && batch.size() < database_->rows_in_one_statement() && at + 1 < accounts.size()) continue;
    StoreResult<> done = import_some(batch, now, result);
    if (done && ready && alone) done = import_one(*ready, now, result);
    if (!done) return std::unexpected(done.error());
    batch.clear();
    if (options.on_progress) options.on_progress(at + 1);
  }
  std::ranges::sort(refusals.begin() + refused_before, refusals.end(), {}, &DumpRefusal::line);
  // Without a commit nothing was done.
  if (options.dry_run) return result.imported;
  if (StoreResult<> committed = (*transaction)->commit(); !committed) return std::unexpected(committed.error());
  return result.imported;
}

}  // namespace sluice::auth
