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

// What a domain's keys are good for where checks have found its records wrong.
enum class WhileFailing : std::uint8_t {
  all_sign,   // no checks are made: what was found once may be so no more
  sign,       // all but those that do not fit their own records (KeyFit)
  keep_back,  // likewise, and none while the domain is failing (domain_state_admin.h)
};

// Why none of the keys is used that there are; neither: that is not so.
struct KeptBack {
  bool failing = false;            // the domain is
  std::vector<std::string> unfit;  // else the selectors of all of them: none fits its record
};

class SigningKeysInUse {
 public:
  // It is opened when it is first asked.
  SigningKeysInUse(StoreAddress address, WhileFailing failing) : address_(std::move(address)), failing_(failing) {}

  // `domain`: A-labels in lower case; itself, not what lies above it.  In the order of selectors.  not_found: there is
  // no store yet.
  [[nodiscard]] StoreResult<std::vector<KeyInUse>> find(std::string_view domain, WallMillis now);
  // Where find() has found none.
  [[nodiscard]] StoreResult<KeptBack> kept_back(std::string_view domain, WallMillis now);
  // Those above `domain`, the nearest first, that are of a customer which has all below them as well ("*.x"): a domain
  // whose keys may sign for `domain`.  not_found: as of find().
  [[nodiscard]] StoreResult<std::vector<std::string>> parents(std::string_view domain);
  // The domain of the customer's that signs mail whose author's does not; empty: none.  not_found: as of find().
  [[nodiscard]] StoreResult<std::string> choice(std::string_view customer);

 private:
  [[nodiscard]] StoreResult<Database*> database();

  const StoreAddress address_;
  const WhileFailing failing_;
  std::mutex mutex_;  // over what follows
  std::unique_ptr<StoreConnection> connection_;
};

}  // namespace sluice::auth
