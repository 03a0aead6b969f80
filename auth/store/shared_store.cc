#include "auth/store/shared_store.h"

#include <utility>

#include "auth/store/postgresql_store.h"
#include "engine/base/check.h"

namespace sluice::auth {

// A connection that no other call has, as long as it lives.
class SharedStore::Lease {
 public:
  Lease(SharedStore& owner, std::unique_ptr<EmbeddedStore> store) : owner_(owner), store_(std::move(store)) {}
  ~Lease() {
    const std::lock_guard lock(owner_.mutex_);
    if (owner_.idle_.size() < owner_.options_.address.server->connections) owner_.idle_.push_back(std::move(store_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  EmbeddedStore* operator->() { return store_.get(); }

 private:
  SharedStore& owner_;
  std::unique_ptr<EmbeddedStore> store_;
};

SharedStore::SharedStore(const EmbeddedStoreOptions& options, StoreParts parts)
    : options_(options), parts_(std::move(parts)), matcher_(another()) {}

std::unique_ptr<EmbeddedStore> SharedStore::another() const {
  auto made = EmbeddedStore::open(options_, parts_);
  CHECK(made.has_value());  // it connects when it is first asked
  return *std::move(made);
}

StoreResult<std::unique_ptr<SharedStore>> SharedStore::open(const EmbeddedStoreOptions& options) {
  auto parts = StoreParts::make(options.cost);
  if (!parts) return std::unexpected(parts.error());
  const auto there = open_store(options.address, IfMissing::fail, options.waits);
  if (!there && there.error().kind != StoreError::Kind::unavailable) return std::unexpected(there.error());
  return std::unique_ptr<SharedStore>(new SharedStore(options, *std::move(parts)));
}

SharedStore::Lease SharedStore::lease() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto store = std::move(idle_.back());
      idle_.pop_back();
      return {*this, std::move(store)};
    }
  }
  return {*this, another()};
}

StoreResult<std::unique_ptr<AccountStore>> open_account_store(const StoreAddress& address) {
  if (address.server != nullptr) return SharedStore::open({.address = address});
  return EmbeddedStore::open({.address = address});
}

StoreResult<std::optional<StoredPassword>> SharedStore::find(const Name& name) { return lease()->find(name); }

AccountStore::Matched SharedStore::match(const StoredPassword* password, const Secret& secret) {
  return matcher_->match(password, secret);
}

Answer SharedStore::admit(const StoredPassword& password, const std::string& renewed) {
  return lease()->admit(password, renewed);
}

void SharedStore::keep_scram(const StoredPassword& password, const Matched& matched) {
  lease()->keep_scram(password, matched);
}

StoreResult<ScramKeys> SharedStore::scram_keys(const Name& name) { return lease()->scram_keys(name); }

Answer SharedStore::admit_scram(const ScramKeys& keys) { return lease()->admit_scram(keys); }

Answer SharedStore::admit_certificate(const CertificateLogin& login) { return lease()->admit_certificate(login); }

StoreResult<std::optional<Answer>> SharedStore::find_device(const Credentials& credentials, WallMillis now) {
  return lease()->find_device(credentials, now);
}

StoreResult<std::optional<Answer>> SharedStore::find_device(const CramMd5Login& login, WallMillis now) {
  return lease()->find_device(login, now);
}

Answer SharedStore::identify(const Claim& claim) { return lease()->identify(claim); }

StoreResult<std::vector<std::string>> SharedStore::mailboxes_to_ask(WallMillis now, std::size_t max) {
  return lease()->mailboxes_to_ask(now, max);
}

StoreResult<std::size_t> SharedStore::note_mailbox(const std::string& account, MailboxState state, WallMillis now) {
  return lease()->note_mailbox(account, state, now);
}

std::optional<bool> SharedStore::has_customer(std::string_view name) { return lease()->has_customer(name); }

std::vector<std::string> SharedStore::customer_names(std::size_t most) { return lease()->customer_names(most); }

std::optional<std::vector<std::string>> SharedStore::account_names_about(std::string_view name, std::size_t most) {
  return lease()->account_names_about(name, most);
}

StoreResult<Contained> SharedStore::contained() { return lease()->contained(); }

std::string SharedStore::last_error() { return lease()->last_error(); }

Changes SharedStore::changes_since(std::uint64_t seen) { return lease()->changes_since(seen); }

std::unique_ptr<StoreListener> SharedStore::listen(std::function<void()> changed, Unheard unheard) {
  return listen_to_postgresql(options_.address.server, std::move(changed), std::move(unheard));
}

}  // namespace sluice::auth
