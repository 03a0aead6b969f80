// The back end for operators who bring none: customers, domains and accounts in one SQLite file,
// which sluicectl edits (account_admin.h) while the relay runs.
//
// Owned by the process; any thread. One connection behind a mutex serves the look-ups, which take microseconds;
// password hashes are computed outside of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "auth/store/account_store.h"
#include "auth/store/password_hash.h"
#include "auth/store/sqlite.h"
#include "auth/store/store_error.h"
#include "auth/store/store_file.h"

namespace sluice::auth {

struct EmbeddedStoreOptions {
  std::string path;
  HashCost cost = kDefaultHashCost;
  int busy_timeout_ms = 2000;  // how long a look-up waits for another process's write
};

class EmbeddedStore final : public AccountStore {
 public:
  // The file must exist. Blocks for one password hash. A file that takes its place later, such as a restored copy, is
  // opened at the next changes_since(); until it is whole and ours, the one before goes on.
  [[nodiscard]] static StoreResult<std::unique_ptr<EmbeddedStore>> open(const EmbeddedStoreOptions& options);

  [[nodiscard]] std::string_view kind() const override { return "embedded"; }
  [[nodiscard]] StoreResult<std::optional<StoredPassword>> find(const Name& name) override;
  // A right password whose hash was made at another cost is hashed anew.
  [[nodiscard]] Matched match(const StoredPassword* password, const Secret& secret) override;
  // `suspended` is answered only here, after the password was right.
  [[nodiscard]] Answer admit(const StoredPassword& password, const std::string& renewed) override;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const Credentials& credentials, WallMillis now) override;
  [[nodiscard]] StoreResult<std::vector<std::string>> mailboxes_to_ask(WallMillis now, std::size_t max) override;
  [[nodiscard]] StoreResult<std::size_t> note_mailbox(const std::string& account, MailboxState state,
                                                      WallMillis now) override;
  [[nodiscard]] Answer identify(const Claim& claim) override;
  [[nodiscard]] std::optional<bool> has_customer(std::string_view name) override;
  std::string last_error() override;
  [[nodiscard]] std::string watched_file() const override { return path_; }
  [[nodiscard]] Changes changes_since(std::uint64_t seen) override;

  [[nodiscard]] const PasswordHasher& hasher() const { return *hasher_; }

 private:
  struct Found {
    std::shared_ptr<Identity> identity;
    std::string account_reason;
    std::string customer_reason;
  };

  struct Customer {
    std::int64_t id = 0;
    std::string name;
    AccountStatus status = AccountStatus::active;
    std::string reason;
  };

  EmbeddedStore(std::unique_ptr<Database> database, std::unique_ptr<PasswordHasher> hasher,
                const EmbeddedStoreOptions& options);
  [[nodiscard]] StoreResult<> follow_file();
  [[nodiscard]] StoreResult<> open_again();
  [[nodiscard]] StoreResult<> read_changes(std::uint64_t seen, Changes& changes);
  void settle();
  [[nodiscard]] StoreResult<std::optional<Found>> look_up(std::int64_t account_id);
  [[nodiscard]] Answer answer_for(std::int64_t account_id);
  [[nodiscard]] StoreResult<> read_domains(Identity& identity, bool narrowed);
  [[nodiscard]] std::shared_ptr<const DomainList> shared_list(std::int64_t customer_id, DomainList list);
  // embedded_device.cc
  struct Device;
  [[nodiscard]] StoreResult<std::optional<Device>> device_of(const Name& name, std::string_view password,
                                                             WallMillis now);
  // embedded_claim.cc
  [[nodiscard]] StoreResult<Answer> identify_locked(const Claim& claim);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> customer_of(const Claim& claim, std::string_view domain);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> customer_named(std::string_view name);
  [[nodiscard]] StoreResult<std::optional<Customer>> customer_with(std::int64_t id);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> create_customer(const Claim& claim, std::string_view domain);
  [[nodiscard]] StoreResult<> read_account(std::string_view name, Identity& identity, std::string& reason,
                                           bool& foreign);
  void replace_hash(const StoredPassword& password, const std::string& renewed);
  [[nodiscard]] std::string failure(const StoreError& error) const;
  // Why there is no database.
  [[nodiscard]] static StoreError replaced() {
    return {.kind = StoreError::Kind::unavailable, .what = "was replaced by a file that does not open"};
  }

  const std::string path_;
  const int busy_timeout_ms_;
  const std::unique_ptr<PasswordHasher> hasher_;
  std::mutex mutex_;                    // over what follows
  std::unique_ptr<Database> database_;  // null: the file was replaced by one that does not open
  StoreStamp stamp_;                    // of the file that `database_` is
  bool replaced_ = false;               // and changes_since() has not returned it yet
  std::int64_t newest_answered_ = 0;    // the latest change that an answer may have been made of
  // The list that a customer's identities share, as long as one of them lives.
  std::map<std::int64_t, std::weak_ptr<const DomainList>> lists_;
  std::size_t lists_swept_at_ = 1024;
};

}  // namespace sluice::auth
