// The store in a database that several relays share: as the embedded one, with several connections.  A call takes one
// that no other call has, or makes one; so there are as many as threads that call, and each thread waits for the
// server alone.
//
// Owned by the process; any thread.  Without the server all that needs it is unavailable, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "auth/store/account_store.h"
#include "auth/store/embedded_store.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

class SharedStore final : public AccountStore {
 public:
  // The address is a server's.  It need not be there; where it is, the tables have to be. Blocks for it, and for one
  // password hash.
  [[nodiscard]] static StoreResult<std::unique_ptr<SharedStore>> open(const EmbeddedStoreOptions& options);

  [[nodiscard]] std::string_view kind() const override { return "postgresql"; }
  [[nodiscard]] StoreResult<std::optional<StoredPassword>> find(const Name& name) override;
  [[nodiscard]] Matched match(const StoredPassword* password, const Secret& secret) override;
  [[nodiscard]] Answer admit(const StoredPassword& password, const std::string& renewed) override;
  void set_scram_iterations(std::uint32_t iterations) override { matcher_->set_scram_iterations(iterations); }
  void keep_scram(const StoredPassword& password, const Matched& matched) override;
  [[nodiscard]] StoreResult<ScramKeys> scram_keys(const Name& name) override;
  [[nodiscard]] Answer admit_scram(const ScramKeys& keys) override;
  [[nodiscard]] Answer admit_certificate(const CertificateLogin& login) override;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const Credentials& credentials, WallMillis now) override;
  [[nodiscard]] StoreResult<std::optional<Answer>> find_device(const CramMd5Login& login, WallMillis now) override;
  [[nodiscard]] Answer identify(const Claim& claim) override;
  [[nodiscard]] StoreResult<std::vector<std::string>> mailboxes_to_ask(WallMillis now, std::size_t max) override;
  [[nodiscard]] StoreResult<std::size_t> note_mailbox(const std::string& account, MailboxState state,
                                                      WallMillis now) override;
  [[nodiscard]] std::optional<bool> has_customer(std::string_view name) override;
  [[nodiscard]] std::vector<std::string> customer_names(std::size_t most) override;
  [[nodiscard]] std::optional<std::vector<std::string>> account_names_about(std::string_view name,
                                                                            std::size_t most) override;
  [[nodiscard]] StoreResult<Contained> contained() override;
  [[nodiscard]] std::string last_error() override;
  [[nodiscard]] Changes changes_since(std::uint64_t seen) override;
  [[nodiscard]] std::unique_ptr<StoreListener> listen(std::function<void()> changed, Unheard unheard) override;

 private:
  SharedStore(const EmbeddedStoreOptions& options, StoreParts parts);
  [[nodiscard]] std::unique_ptr<EmbeddedStore> another() const;
  class Lease;
  [[nodiscard]] Lease lease();

  const EmbeddedStoreOptions options_;
  const StoreParts parts_;
  const std::unique_ptr<EmbeddedStore> matcher_;  // for what needs no connection; it has none
  std::mutex mutex_;                              // over what follows
  std::vector<std::unique_ptr<EmbeddedStore>> idle_;
};

// As the address has it: in a file, or shared.
[[nodiscard]] StoreResult<std::unique_ptr<AccountStore>> open_account_store(const StoreAddress& address);

}  // namespace sluice::auth
