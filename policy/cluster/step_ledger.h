// The steps against accounts that a relay has taken or has heard of from others: of each account the latest counts.
// Pure; one thread at a time.  Bounded: kAccountsMax, of which what was longest unused is forgotten.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/base/lru_map.h"
#include "policy/cluster/share_message.h"

namespace sluice::policy {

class StepLedger {
 public:
  static constexpr std::size_t kAccountsMax = 16'384;
  // A step lasts no longer, whatever a message says; and relays' clocks differ by no more than that.
  static constexpr WallMillis kLastsMax = WallMillis{31} * 24 * 3600 * 1000;
  static constexpr WallMillis kAheadMax = WallMillis{3600} * 1000;

  // A step of this relay: later than what is known of the account.  What is to be told.
  const AccountStep& take(AccountStep step, WallMillis now);
  // A step of another one.  False: it is over, not the latest, or from a time that has not come.
  [[nodiscard]] bool merge(AccountStep step, WallMillis now);
  // Steps that are not over, and what lifted such.
  [[nodiscard]] std::vector<AccountStep> live(WallMillis now);
  [[nodiscard]] std::size_t size() const { return steps_.size(); }

 private:
  AccountStep& keep(AccountStep step);

  LruMap<AccountStep> steps_;
};

}  // namespace sluice::policy
