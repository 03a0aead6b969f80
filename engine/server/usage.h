// What is used of the limits and was noticed of accounts, for sluicectl usage and noticed.  Any thread; looks at all
// meters.
#pragma once

#include <vector>

#include "engine/control/noticed_request.h"
#include "engine/control/usage_request.h"
#include "policy/budget/budgets.h"
#include "policy/noticing/account_watch.h"

namespace sluice::server {

// What was noticed of an account, for sluicectl noticed.
[[nodiscard]] control::NoticedAccount noticed_account(noticing::AccountWatch& watch, const std::string& account,
                                                      Instant now);
[[nodiscard]] std::vector<control::UsageRow> usage_rows(policy::Budgets& budgets, const control::UsageRequest& request);

}  // namespace sluice::server
