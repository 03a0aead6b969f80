// What the operator does with domains' signing keys in the store.  Used by sluicectl, in a process of its own, while
// relays have the same file or database open.  One thread.  Calls block.  As in account_admin.h, every change is one
// transaction.  A private half goes in, and out to be sealed anew (reseal()), and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/database.h"
#include "auth/store/signing_key.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

// A key that is made, or takes the place of a revoked one of its selector.
struct NewSigningKey {
  SigningKeyRecord record;  // the domain is the one that is changed
  StoredPrivateKey private_key;
};

struct KeyStateChange {
  std::string selector;
  KeyState state = KeyState::published;
  WallMillis since = 0;
};

struct KeyChanges {
  std::vector<NewSigningKey> keys;
  std::vector<KeyStateChange> states;  // revoked: the private half goes
};

class SigningKeyAdmin {
 public:
  [[nodiscard]] static StoreResult<std::unique_ptr<SigningKeyAdmin>> open(const StoreAddress& address);
  ~SigningKeyAdmin();
  SigningKeyAdmin(const SigningKeyAdmin&) = delete;
  SigningKeyAdmin& operator=(const SigningKeyAdmin&) = delete;

  // In the order of their selectors.  `domain`: an entry that the store has.
  [[nodiscard]] StoreResult<std::vector<SigningKeyRecord>> keys_of(std::string_view domain);
  // `decide` is given the domain's keys, and says what is to become of them; an error changes nothing.
  using Decide = std::function<StoreResult<KeyChanges>(std::span<const SigningKeyRecord>)>;
  [[nodiscard]] StoreResult<> change(std::string_view domain, const Decide& decide);
  // What a check has found of the record of `key`, as the check found the key: false where it is another one by now, or
  // another check has saved something since.  Not counted by changes().
  [[nodiscard]] StoreResult<bool> save_fit(const SigningKeyRecord& key, const KeyFit& fit);
  // How often change() was done, by anybody: another number than before where keys may have changed.
  [[nodiscard]] StoreResult<std::int64_t> changes();

  // Those that are retired since `before`, of all domains.
  [[nodiscard]] StoreResult<> revoke_retired(WallMillis now, WallMillis before);
  using OnKey = std::function<void(const SigningKeyRecord&)>;
  // Those of all domains, in the order of domains and selectors.
  [[nodiscard]] StoreResult<> each_key(const OnKey& on_key);
  struct Publication {
    WallMillis now = 0;
    WallMillis revoked_before = 0;        // as revoke_retired() has it, which is done first
    OnKey on_key;                         // as each_key() has it
    std::function<std::string()> digest;  // of all that was made of them
  };
  // Of all domains.  Returns the serial of a zone with this digest (RFC 1982): it is another one than the last time
  // where that had another digest, and then rises, to the time in seconds where that is more.
  [[nodiscard]] StoreResult<std::uint32_t> publish(const Publication& publication);

  // Each key's private half is replaced by what `seal` makes of it; an error leaves all as they were.  Returns how many
  // there are.
  using Seal = std::function<StoreResult<StoredPrivateKey>(const SigningKeyRecord&, const StoredPrivateKey&)>;
  [[nodiscard]] StoreResult<std::size_t> reseal(const Seal& seal);

 private:
  explicit SigningKeyAdmin(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  [[nodiscard]] StoreResult<std::string> entry_of(std::string_view domain);
  [[nodiscard]] StoreResult<std::vector<SigningKeyRecord>> read_keys(const std::string& domain);
  [[nodiscard]] StoreResult<> write_key(const std::string& domain, const NewSigningKey& key);
  [[nodiscard]] StoreResult<> write_state(const std::string& domain, const KeyStateChange& change);
  [[nodiscard]] StoreResult<> revoke(WallMillis now, WallMillis before);
  [[nodiscard]] StoreResult<std::uint32_t> serial(const std::string& digest, WallMillis now);
  [[nodiscard]] StoreResult<std::size_t> reseal_some(const Seal& seal, std::string& domain, std::string& selector);
  std::unique_ptr<Database> database_;
};

}  // namespace sluice::auth
