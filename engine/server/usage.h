// What is used of the limits and was noticed of accounts, for sluicectl usage and noticed.  Any thread; looks at all
// meters.
#pragma once

#include "engine/control/noticed_request.h"
#include "engine/control/usage_request.h"
#include "engine/server/decision_log.h"
#include "engine/server/sender_activity.h"
#include "policy/budget/budgets.h"
#include "policy/noticing/account_watch.h"

namespace sluice::server {

// What was noticed of an account, for sluicectl noticed.
[[nodiscard]] control::NoticedAccount noticed_account(noticing::AccountWatch& watch, const std::string& account,
                                                      Instant now);
// What usage is found in.
struct UsageSources {
  policy::Budgets& budgets;
  noticing::AccountWatch& watch;
  SenderActivities& activities;
  DecisionLog& decisions;
};
[[nodiscard]] control::Usage find_usage(const UsageSources& sources, const control::UsageRequest& request, Instant now);

}  // namespace sluice::server
