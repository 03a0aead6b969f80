// The keys with which a domain's mail is signed now, of a store that is open as long as the relay runs.  Any thread:
// calls take turns.  Calls block.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/store/signing_key.h"
#include "auth/store/store_address.h"
#include "auth/store/store_error.h"
#include "engine/base/time.h"

namespace sluice::auth {

struct KeyInUse {
  std::string selector;
  StoredPrivateKey private_key;
};

// What a domain's keys are good for while it is failing (domain_state_admin.h).
enum class WhileFailing : std::uint8_t { sign, keep_back };

class SigningKeysInUse {
 public:
  // It is opened when it is first asked.
  SigningKeysInUse(StoreAddress address, WhileFailing failing) : address_(std::move(address)), failing_(failing) {}

  // `domain`: A-labels in lower case; itself, not what lies above it.  In the order of selectors.  not_found: there is
  // no store yet.
  [[nodiscard]] StoreResult<std::vector<KeyInUse>> find(std::string_view domain, WallMillis now);
  // Whether find() keeps back the keys that there are, as the domain is failing.
  [[nodiscard]] StoreResult<bool> keeps_back(std::string_view domain, WallMillis now);

 private:
  [[nodiscard]] StoreResult<Database*> database();

  const StoreAddress address_;
  const WhileFailing failing_;
  std::mutex mutex_;  // over what follows
  std::unique_ptr<StoreConnection> connection_;
};

}  // namespace sluice::auth
