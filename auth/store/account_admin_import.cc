// The part of AccountAdmin that takes over accounts of other programs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "auth/store/account_admin.h"
#include "auth/store/domain_owner.h"
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

StoreResult<> AccountAdmin::import_account(const DumpedAccount& account, const std::string& customer,
                                           ImportOwners& owners, WallMillis now) {
  const StoreResult<std::string> name = stored_account_name(account.name);
  if (!name) return std::unexpected(name.error());
  const std::string& named = account.customer.empty() ? customer : account.customer;
  const std::string domain = named.empty() ? domain_of(*name) : "";
  const auto [owner, is_new] = owners.try_emplace({named, domain});
  if (is_new) owner->second = named.empty() ? customer_of_domain(domain) : customer_id(named);
  if (!owner->second) return std::unexpected(owner->second.error());
  StoreResult<> added = database_->run(
      "INSERT INTO account (name, customer, status, password_hash, password_set_ms, created_ms)"
      " VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
      {*name, *owner->second, stored_status(account.status), account.hash, now});
  if (!added) return added;
  if (database_->rows_changed() > 0) return account.scram ? write_scram(*name, account.scram) : added;
  return store_error(StoreError::Kind::exists, absl::StrCat("there is an account ", in_quotes(*name), " already"));
}

StoreResult<std::size_t> AccountAdmin::import_accounts(std::span<const DumpedAccount> accounts,
                                                       const ImportOptions& options, WallMillis now,
                                                       std::vector<DumpRefusal>& refusals) {
  auto transaction = Transaction::to_write(*database_);
  if (!transaction) return std::unexpected(transaction.error());
  ImportOwners owners;
  std::size_t imported = 0;
  for (std::size_t at = 0; at < accounts.size(); ++at) {
    const DumpedAccount& account = accounts[at];
    const StoreResult<> done = import_account(account, options.customer, owners, now);
    if (!done && !is_of_one(done.error())) return std::unexpected(done.error());
    if (done) {
      ++imported;
    } else {
      refusals.push_back({.line = account.line, .name = account.name, .why = done.error().what});
    }
    if (options.on_progress) options.on_progress(at + 1);
  }
  // Without a commit nothing was done.
  if (options.dry_run) return imported;
  if (StoreResult<> committed = (*transaction)->commit(); !committed) return std::unexpected(committed.error());
  return imported;
}

}  // namespace sluice::auth
