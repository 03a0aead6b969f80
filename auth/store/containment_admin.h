// What the operator does about a login that was stolen, a customer or a network that mail must not come from any more:
// the store's part of `sluicectl contain` and `sluicectl release`.  Used by sluicectl, in a process of its own, while
// relays have the same file or database open.  One thread.  Calls block.  Every change is one transaction, and a
// second time it changes nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.h"
#include "auth/scram.h"
#include "auth/store/database.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

enum class ContainedKind : std::uint8_t { account, customer, network };
[[nodiscard]] std::string_view contained_kind_name(ContainedKind kind);

struct ContainedSubject {
  ContainedKind kind = ContainedKind::account;
  std::string name;        // as the store writes it
  bool elsewhere = false;  // an account that another back end has: the store has neither its password nor its status
};

struct ContainmentRecord {
  std::int64_t id = 0;
  ContainedKind kind = ContainedKind::account;
  std::string subject;
  AccountStatus status = AccountStatus::suspended;  // or held
  std::string reason;
  std::string actor;
  WallMillis created = 0;
};

// What takes the place of passwords that are to be worth nothing: of a password that nobody knows.
struct DeadPassword {
  std::string hash;
  std::optional<ScramKeys> scram;
};

class ContainmentAdmin {
 public:
  [[nodiscard]] static StoreResult<std::unique_ptr<ContainmentAdmin>> open(const StoreAddress& address);
  ~ContainmentAdmin();
  ContainmentAdmin(const ContainmentAdmin&) = delete;
  ContainmentAdmin& operator=(const ContainmentAdmin&) = delete;

  // What is meant by this name.  not_found: it is nothing; refused: it is an account and a customer, or a network that
  // is too large to be meant.
  [[nodiscard]] StoreResult<ContainedSubject> find(const std::string& name, std::optional<ContainedKind> kind);
  // So many names of accounts and customers at most, to look for one that is like another.
  [[nodiscard]] StoreResult<std::vector<std::string>> names(std::size_t max);

  struct Order {
    ContainedSubject subject;
    AccountStatus status = AccountStatus::suspended;
    std::string reason;  // told to who logs in
    std::string actor;
    WallMillis now = 0;
    const DeadPassword* dead =
        nullptr;  // passwords, device passwords among them, become worth nothing; null: they stay
  };
  struct Done {
    std::int64_t id = 0;
    bool before = false;  // it was in force already
    std::int64_t accounts = 0;
    std::int64_t devices = 0;
  };
  [[nodiscard]] StoreResult<Done> contain(const Order& order);
  // Status and reason are what they were before.  Absent: it was not in force.
  [[nodiscard]] StoreResult<std::optional<ContainmentRecord>> release(const ContainedSubject& subject,
                                                                      const std::string& actor, WallMillis now);
  // Those in force.
  [[nodiscard]] StoreResult<std::vector<ContainmentRecord>> list();

 private:
  struct Status {
    std::int64_t status = 0;
    std::string reason;
  };
  explicit ContainmentAdmin(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  [[nodiscard]] StoreResult<ContainedSubject> find_account(const std::string& name);
  [[nodiscard]] StoreResult<std::optional<std::string>> customer_named(const std::string& name);
  [[nodiscard]] StoreResult<std::optional<ContainmentRecord>> in_force(const ContainedSubject& subject);
  [[nodiscard]] StoreResult<Status> status_of(const ContainedSubject& subject);
  [[nodiscard]] StoreResult<> set_status(const ContainedSubject& subject, const Status& status);
  [[nodiscard]] StoreResult<> kill_passwords(const Order& order, Done& done);
  [[nodiscard]] StoreResult<> write(const Order& order, const std::optional<ContainmentRecord>& before, Done& done);
  std::unique_ptr<Database> database_;
};

// An error where the account or customer is contained: its status is then not to be changed by other means.
[[nodiscard]] StoreResult<> refuse_contained(Database& database, ContainedKind kind, std::string_view subject);

}  // namespace sluice::auth
