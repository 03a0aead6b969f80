#include "policy/cluster/step_ledger.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::policy {

AccountStep& StepLedger::keep(AccountStep step) {
  if (AccountStep* known = steps_.find(step.account)) return *known = std::move(step);
  steps_.make_room(kAccountsMax);
  const std::string account = step.account;
  return steps_.insert(account, std::move(step));
}

const AccountStep& StepLedger::take(AccountStep step, WallMillis now) {
  const AccountStep* known = steps_.find(step.account);
  step.at = now;
  if (known != nullptr) {
    // The clock of the relay that took that one may be ahead.
    step.at = std::max(now, known->at + 1);
    // What is lifted stays lifted for as long as it would have lasted.
    if (step.step == noticing::Step::pass) step.until = std::max(step.until, known->until);
  }
  return keep(std::move(step));
}

bool StepLedger::merge(AccountStep step, WallMillis now) {
  if (step.until <= now || step.at > now + kAheadMax) return false;
  step.until = std::min(step.until, now + kLastsMax);
  const AccountStep* known = steps_.find(step.account);
  // Of two at the same time the higher one, so that all relays choose the same.
  if (known != nullptr && std::tuple(known->at, known->step) >= std::tuple(step.at, step.step)) return false;
  keep(std::move(step));
  return true;
}

std::vector<AccountStep> StepLedger::live(WallMillis now) {
  static_cast<void>(
      steps_.erase_if([now](std::string_view /*account*/, const AccountStep& step) { return step.until <= now; }));
  std::vector<AccountStep> all;
  steps_.for_each([&all](std::string_view /*account*/, const AccountStep& step) { all.push_back(step); });
  return all;
}

}  // namespace sluice::policy
