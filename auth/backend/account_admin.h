// What the operator does with the embedded store: adds, lists, changes and removes customers,
// domains and accounts. Used by sluicectl, in a process of its own, while relays have the same file
// open. One thread. Calls block.
//
// Names are given as people write them, and stored in canonical form: accounts and domains in lower
// case. Every change is one transaction, durable when the call returns. Errors are distinguished by
// code: InvalidArgument (a name that cannot be one), NotFound, AlreadyExists, FailedPrecondition
// (it would break something); the text says which and what to do instead.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "auth/backend/password_hash.h"
#include "auth/backend/sqlite.h"
#include "auth/backend/store_file.h"
#include "auth/identity.h"
#include "auth/secret.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct CustomerRecord {
  std::string name;
  AccountStatus status = AccountStatus::active;
  std::string reason;  // why it is not active; may be empty
  WallMillis created = 0;
  std::int64_t domains = 0;  // how many it has
  std::int64_t accounts = 0;
};

struct DomainRecord {
  std::string name;  // "example.com", or "*.example.com" for all that lies below
  std::string customer;
  std::string ownership;  // how it is known to be the customer's: "asserted", by the operator
  WallMillis created = 0;
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
};

class AccountAdmin {
 public:
  using Narrowing = std::optional<std::vector<std::string>>;

  [[nodiscard]] static absl::StatusOr<std::unique_ptr<AccountAdmin>> open(const std::string& path, IfMissing if_missing,
                                                                          const HashCost& cost);
  // What was changed is in the file alone then, unless another process reads it at that moment: a copy of it is whole.
  ~AccountAdmin();
  AccountAdmin(const AccountAdmin&) = delete;
  AccountAdmin& operator=(const AccountAdmin&) = delete;

  [[nodiscard]] absl::Status add_customer(std::string_view name, WallMillis now);
  [[nodiscard]] absl::StatusOr<std::vector<CustomerRecord>> customers();
  [[nodiscard]] absl::StatusOr<CustomerRecord> customer(std::string_view name);
  // `reason` is the reply to a login while suspended. A status of active clears it.
  [[nodiscard]] absl::Status set_customer_status(std::string_view name, AccountStatus status, std::string_view reason);
  // With its domains and accounts if `recursive`; refused if it has any and not.
  [[nodiscard]] absl::Status remove_customer(std::string_view name, bool recursive);

  // Refused if it is, covers, or is covered by what another customer has.
  [[nodiscard]] absl::Status add_domain(std::string_view name, std::string_view customer, WallMillis now);
  [[nodiscard]] absl::StatusOr<std::vector<DomainRecord>> domains(std::optional<std::string_view> of_customer);
  [[nodiscard]] absl::StatusOr<DomainRecord> domain(std::string_view name);
  [[nodiscard]] absl::Status remove_domain(std::string_view name);

  // A narrowing names domains that the customer has, or ones below those.
  [[nodiscard]] absl::Status add_account(std::string_view name, std::string_view customer, const Secret& password,
                                         const Narrowing& narrowing, WallMillis now);
  [[nodiscard]] absl::StatusOr<std::vector<AccountRecord>> accounts(std::optional<std::string_view> of_customer);
  [[nodiscard]] absl::StatusOr<AccountRecord> account(std::string_view name);
  [[nodiscard]] absl::Status set_account_status(std::string_view name, AccountStatus status, std::string_view reason);
  [[nodiscard]] absl::Status set_password(std::string_view name, const Secret& password, WallMillis now);
  [[nodiscard]] absl::Status set_narrowing(std::string_view name, const Narrowing& narrowing);
  [[nodiscard]] absl::Status remove_account(std::string_view name);

 private:
  AccountAdmin(std::unique_ptr<Database> database, std::unique_ptr<PasswordHasher> hasher);
  [[nodiscard]] absl::StatusOr<std::int64_t> customer_id(std::string_view name);
  // All, or those of one name or one customer.
  [[nodiscard]] absl::StatusOr<std::vector<CustomerRecord>> customer_records(std::optional<std::string_view> name);
  [[nodiscard]] absl::StatusOr<std::vector<DomainRecord>> domain_records(std::optional<std::string_view> name,
                                                                         std::optional<std::int64_t> customer);
  [[nodiscard]] absl::StatusOr<std::vector<AccountRecord>> account_records(std::optional<std::string_view> name,
                                                                           std::optional<std::int64_t> customer);
  [[nodiscard]] absl::Status check_domain_is_free(const std::string& entry, std::int64_t customer);
  [[nodiscard]] absl::Status write_narrowing(std::int64_t account, std::int64_t customer, const Narrowing& narrowing);
  std::unique_ptr<Database> database_;
  std::unique_ptr<PasswordHasher> hasher_;
};

}  // namespace sluice::auth
