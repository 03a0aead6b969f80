// The back end for operators who bring none: customers, domains and accounts in a database of our own, which sluicectl
// edits (account_admin.h) while the relay runs.
//
// Owned by the process; any thread. One connection behind a mutex serves the look-ups; password hashes are computed
// outside of it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "auth/store/account_store.h"
#include "auth/store/database.h"
#include "auth/store/password_hash.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "auth/store/store_memory.h"

namespace sluice::auth {

// What the connections to one store share.
struct StoreParts {
  std::shared_ptr<const PasswordHasher> hasher;
  std::shared_ptr<StoreMemory> memory;
  // Blocks for one password hash.
  [[nodiscard]] static StoreResult<StoreParts> make(const HashCost& cost);
};

struct EmbeddedStoreOptions {
  StoreAddress address;
  HashCost cost = kDefaultHashCost;
  StoreWaits waits = kRelayWaits;
};

class EmbeddedStore final : public AccountStore {
 public:
  // The file must exist. Blocks for one password hash. A file that takes its place later, such as a restored copy, is
  // opened at the next changes_since(); until it is whole and ours, the one before goes on.
  [[nodiscard]] static StoreResult<std::unique_ptr<EmbeddedStore>> open(const EmbeddedStoreOptions& options);
  [[nodiscard]] static StoreResult<std::unique_ptr<EmbeddedStore>> open(const EmbeddedStoreOptions& options,
                                                                        const StoreParts& parts);

  [[nodiscard]] std::string_view kind() const override { return "embedded"; }
  [[nodiscard]] StoreResult<std::optional<StoredPassword>> find(const Name& name) override;
  // A right password whose hash was made at another cost is hashed anew.
  [[nodiscard]] Matched match(const StoredPassword* password, const Secret& secret) override;
  // `suspended` is answered only here, after the password was right.
  [[nodiscard]] Answer admit(const StoredPassword& password, const std::string& renewed) override;
  void set_scram_iterations(std::uint32_t iterations) override { memory_->set_scram_iterations(iterations); }
  void keep_scram(const StoredPassword& password, const Matched& matched) override;
  [[nodiscard]] StoreResult<ScramKeys> scram_keys(const Name& name) override;
  [[nodiscard]] Answer admit_scram(const ScramKeys& keys) override;
  // embedded_certificate.cc
  [[nodiscard]] Answer admit_certificate(const CertificateLogin& login) override;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const Credentials& credentials, WallMillis now) override;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const CramMd5Login& login, WallMillis now) override;
  [[nodiscard]] StoreResult<std::vector<std::string>> mailboxes_to_ask(WallMillis now, std::size_t max) override;
  [[nodiscard]] StoreResult<std::size_t> note_mailbox(const std::string& account, MailboxState state,
                                                      WallMillis now) override;
  [[nodiscard]] Answer identify(const Claim& claim) override;
  [[nodiscard]] std::optional<bool> has_customer(std::string_view name) override;
  [[nodiscard]] std::vector<std::string> customer_names(std::size_t most) override;
  [[nodiscard]] std::optional<std::vector<std::string>> account_names_about(std::string_view name,
                                                                            std::size_t most) override;
  // embedded_containment.cc
  [[nodiscard]] StoreResult<Contained> contained() override;
  std::string last_error() override;
  [[nodiscard]] std::string watched_file() const override { return address_.file; }
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
    std::string policy_class;
  };

  EmbeddedStore(std::unique_ptr<StoreConnection> connection, const EmbeddedStoreOptions& options,
                const StoreParts& parts);
  [[nodiscard]] StoreResult<> follow();
  [[nodiscard]] StoreResult<> read_changes(std::uint64_t seen, Changes& changes);
  [[nodiscard]] StoreResult<std::optional<Found>> look_up(std::int64_t account_id);
  [[nodiscard]] Answer answer_for(std::int64_t account_id, std::uint64_t known_change = 0);
  [[nodiscard]] StoreResult<> read_domains(Identity& identity, bool narrowed);
  // The overrides of the identity's account, where the store has that, and of its customer.
  [[nodiscard]] StoreResult<> read_overrides(Identity& identity);
  // embedded_device.cc
  struct Device;
  [[nodiscard]] StoreResult<std::optional<Device>> device_of(const Name& name, std::string_view password,
                                                             WallMillis now);
  [[nodiscard]] StoreResult<std::optional<Device>> device_of(const CramMd5Login& login, WallMillis now);
  [[nodiscard]] StoreResult<std::optional<Answer>> answer_of(StoreResult<std::optional<Device>> found,
                                                             const std::string& client_ip, WallMillis now);
  // embedded_scram.cc
  [[nodiscard]] StoreResult<std::string> false_key();
  [[nodiscard]] StoreResult<std::uint32_t> false_iterations(std::uint32_t share);
  [[nodiscard]] StoreResult<ScramKeys> read_scram_keys(const Name& name);
  [[nodiscard]] StoreResult<> count_without_scram(Changes& changes);
  // embedded_claim.cc
  [[nodiscard]] StoreResult<Answer> identify_locked(const Claim& claim);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> customer_of(const Claim& claim, std::string_view domain);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> customer_named(std::string_view name);
  [[nodiscard]] StoreResult<std::optional<Customer>> customer_with(std::int64_t id);
  [[nodiscard]] StoreResult<std::optional<std::int64_t>> create_customer(const Claim& claim, std::string_view domain);
  [[nodiscard]] StoreResult<Contained> read_contained();
  [[nodiscard]] StoreResult<> read_containment(std::string_view account, Identity& identity, std::string& reason);
  [[nodiscard]] StoreResult<> read_account(std::string_view name, Identity& identity, std::string& reason,
                                           bool& foreign);
  void replace_hash(const StoredPassword& password, const std::string& renewed);
  [[nodiscard]] std::string failure(const StoreError& error) const;
  // Why there is no database.
  [[nodiscard]] static StoreError replaced() {
    return {.kind = StoreError::Kind::unavailable, .what = "was replaced by a file that does not open"};
  }

  const StoreAddress address_;
  const std::shared_ptr<const PasswordHasher> hasher_;
  const std::shared_ptr<StoreMemory> memory_;
  std::mutex mutex_;  // over what follows
  const std::unique_ptr<StoreConnection> connection_;
  Database* database_;  // the connection's; null: the file was replaced by one that does not open
};

}  // namespace sluice::auth
