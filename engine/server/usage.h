// What is used of the limits, for sluicectl usage.  Any thread; looks at all meters.
#pragma once

#include <vector>

#include "engine/control/usage_request.h"
#include "policy/budget/budgets.h"

namespace sluice::server {

[[nodiscard]] std::vector<control::UsageRow> usage_rows(policy::Budgets& budgets, const control::UsageRequest& request);

}  // namespace sluice::server
