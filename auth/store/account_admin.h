// What the operator does with the store: adds, lists, changes and removes customers,
// domains and accounts. Used by sluicectl, in a process of its own, while relays have the same file
// or database open. One thread. Calls block.
//
// Names are given as people write them, and stored in canonical form: accounts and domains in lower
// case. Every change is one transaction, durable when the call returns. Errors are told apart by
// their kind (store_error.h); the text says which and what to do instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/identity.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "auth/store/account_dump.h"
#include "auth/store/database.h"
#include "auth/store/password_hash.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct CustomerRecord {
  std::string name;
  AccountStatus status = AccountStatus::active;
  std::string reason;  // why it is not active; may be empty
  WallMillis created = 0;
  std::int64_t domains = 0;  // how many it has
  std::int64_t accounts = 0;
  std::string policy_class;  // empty: none
  std::string sign_as;       // its domain that signs mail whose author's does not; empty: none
  LimitOverrides overrides;
};

struct DomainRecord {
  std::string name;  // "example.com", or "*.example.com" for all that lies below
  std::string customer;
  std::string ownership;  // how it is known to be the customer's: "asserted", by the operator, or "proven"
  WallMillis created = 0;
  // As in DomainState (domain_state_admin.h).
  WallMillis proof_seen = 0;
  WallMillis checked = 0;
  std::string verdict = {};
  std::string finding = {};
  WallMillis failing_since = 0;
};

struct AccountRecord {
  std::string name;
  std::string customer;
  AccountStatus status = AccountStatus::active;
  std::string reason;
  // If set: the only ones of the customer's domains that the account may send from.
  std::optional<std::vector<std::string>> narrowed_to;
  WallMillis created = 0;
  WallMillis password_set = 0;
  std::string policy_class;  // empty: none
  LimitOverrides overrides;
};

// An override that is set, or removed.
struct LimitChange {
  Quantity quantity = Quantity::recipients;
  Span span = Span::day;
  std::optional<std::uint64_t> amount;  // nothing: the class's holds again
};

struct ImportOptions {
  std::string customer;  // of accounts that name none; empty: the customer that has the domain of the name
  bool dry_run = false;  // all is done and nothing kept
  std::function<void(std::size_t)> on_progress;  // with the number of accounts that were looked at
};

class AccountAdmin {
 public:
  using Narrowing = std::optional<std::vector<std::string>>;

  [[nodiscard]] static StoreResult<std::unique_ptr<AccountAdmin>> open(const StoreAddress& address,
                                                                       IfMissing if_missing, const HashCost& cost);
  // Of a file: what was changed is in the file alone then, unless another process reads it at that moment: a copy of it
  // is whole.
  ~AccountAdmin();
  AccountAdmin(const AccountAdmin&) = delete;
  AccountAdmin& operator=(const AccountAdmin&) = delete;

  [[nodiscard]] StoreResult<> add_customer(std::string_view name, WallMillis now);
  [[nodiscard]] StoreResult<std::vector<CustomerRecord>> customers();
  // Names that there are, at most so many: what one that is unknown is compared with.
  [[nodiscard]] StoreResult<std::vector<std::string>> customer_names(std::size_t most);
  [[nodiscard]] StoreResult<std::vector<std::string>> domain_names(std::size_t most);
  [[nodiscard]] StoreResult<std::vector<std::string>> account_names(std::size_t most);
  [[nodiscard]] StoreResult<CustomerRecord> customer(std::string_view name);
  // `reason` is the reply to a login while suspended. A status of active clears it.
  [[nodiscard]] StoreResult<> set_customer_status(std::string_view name, AccountStatus status, std::string_view reason);
  // `domain`: one of the customer's; empty: none.
  [[nodiscard]] StoreResult<> set_customer_sign_as(std::string_view name, std::string_view domain);
  // With its domains and accounts if `recursive`; refused if it has any and not.
  [[nodiscard]] StoreResult<> remove_customer(std::string_view name, bool recursive);

  // Refused if it is, covers, or is covered by what another customer has.  A claim of this customer's to it goes.
  [[nodiscard]] StoreResult<> add_domain(std::string_view name, std::string_view customer, WallMillis now);
  [[nodiscard]] StoreResult<std::vector<DomainRecord>> domains(std::optional<std::string_view> of_customer);
  [[nodiscard]] StoreResult<DomainRecord> domain(std::string_view name);
  [[nodiscard]] StoreResult<> remove_domain(std::string_view name);

  // A narrowing names domains that the customer has, or ones below those, and addresses in them (auth/sender_list.h).
  [[nodiscard]] StoreResult<> add_account(std::string_view name, std::string_view customer, const Secret& password,
                                          const Narrowing& narrowing, WallMillis now);
  [[nodiscard]] StoreResult<std::vector<AccountRecord>> accounts(std::optional<std::string_view> of_customer);
  [[nodiscard]] StoreResult<AccountRecord> account(std::string_view name);
  [[nodiscard]] StoreResult<> set_account_status(std::string_view name, AccountStatus status, std::string_view reason);
  [[nodiscard]] StoreResult<> set_password(std::string_view name, const Secret& password, WallMillis now);
  [[nodiscard]] StoreResult<> set_narrowing(std::string_view name, const Narrowing& narrowing);
  [[nodiscard]] StoreResult<> remove_account(std::string_view name);

  // account_admin_limits.cc.  Empty: none.
  [[nodiscard]] StoreResult<> set_customer_class(std::string_view name, std::string_view policy_class);
  [[nodiscard]] StoreResult<> set_account_class(std::string_view name, std::string_view policy_class);
  // All or none.
  [[nodiscard]] StoreResult<> change_customer_limits(std::string_view name, std::span<const LimitChange> changes);
  [[nodiscard]] StoreResult<> change_account_limits(std::string_view name, std::span<const LimitChange> changes);

  // With how many iterations new passwords get keys for SCRAM; 0, as at first: they get none, and those of the password
  // before go.
  void set_scram_iterations(std::uint32_t iterations) { scram_iterations_ = iterations; }

  // As an account's password is stored.
  [[nodiscard]] StoreResult<std::string> hash_password(const Secret& password);
  // Its keys for SCRAM, where passwords get some.
  [[nodiscard]] StoreResult<std::optional<ScramKeys>> scram_keys(const Secret& password) const;
  // Accounts with hashes, as they are, in one transaction; returns how many.  Those that cannot be are added to
  // `refusals`, in the order of their lines, and do not stop the others.
  [[nodiscard]] StoreResult<std::size_t> import_accounts(std::span<const DumpedAccount> accounts,
                                                         const ImportOptions& options, WallMillis now,
                                                         std::vector<DumpRefusal>& refusals);

 private:
  // By the customer's name, or the domain of the account's.
  using ImportOwners = std::map<std::pair<std::string, std::string>, StoreResult<std::int64_t>>;
  [[nodiscard]] StoreResult<std::int64_t> customer_of_domain(const std::string& domain);
  // One that has its customer, and may be there already.
  struct ReadyAccount {
    const DumpedAccount* dumped = nullptr;
    std::string name;
    std::int64_t customer = 0;
  };
  struct ImportResult {
    void refuse(const DumpedAccount& account, std::string why) {
      refusals.push_back({.line = account.line, .name = account.name, .why = std::move(why)});
    }
    std::vector<DumpRefusal>& refusals;
    std::size_t imported = 0;
  };
  [[nodiscard]] StoreResult<ReadyAccount> ready_account(const DumpedAccount& account, const std::string& customer,
                                                        ImportOwners& owners);
  [[nodiscard]] StoreResult<> import_batch(std::span<const ReadyAccount> batch, WallMillis now, ImportResult& result);
  [[nodiscard]] StoreResult<> import_one(const ReadyAccount& account, WallMillis now, ImportResult& result);
  [[nodiscard]] StoreResult<> import_some(std::span<const ReadyAccount> accounts, WallMillis now, ImportResult& result);
  AccountAdmin(std::unique_ptr<Database> database, std::unique_ptr<PasswordHasher> hasher);
  [[nodiscard]] StoreResult<std::int64_t> account_id(std::string_view name);
  // Adds the overrides to the records that have these names: of one, or of all.
  [[nodiscard]] StoreResult<> read_overrides(std::vector<CustomerRecord>& records);
  [[nodiscard]] StoreResult<> read_overrides(std::vector<AccountRecord>& records);
  // All, or those of one name or one customer.
  [[nodiscard]] StoreResult<std::vector<CustomerRecord>> customer_records(std::optional<std::string_view> name);
  [[nodiscard]] StoreResult<std::vector<DomainRecord>> domain_records(std::optional<std::string_view> name,
                                                                      std::optional<std::int64_t> customer);
  [[nodiscard]] StoreResult<std::vector<AccountRecord>> account_records(std::optional<std::string_view> name,
                                                                        std::optional<std::int64_t> customer);
  [[nodiscard]] StoreResult<> check_domain_is_free(const std::string& entry, std::int64_t customer);
  [[nodiscard]] StoreResult<> write_scram(const std::string& account, const std::optional<ScramKeys>& keys);
  [[nodiscard]] StoreResult<> write_narrowing(std::int64_t account, std::int64_t customer, const Narrowing& narrowing);
  std::unique_ptr<Database> database_;
  std::unique_ptr<PasswordHasher> hasher_;
  std::uint32_t scram_iterations_ = 0;
};

}  // namespace sluice::auth
