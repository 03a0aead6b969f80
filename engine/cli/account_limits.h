// Limits and classes of single accounts and customers as they are written on sluicectl's command line.  Pure; any
// thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "auth/store/account_admin.h"
#include "auth/store/store_error.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

// Of "recipients/day=1000" sets, of "recipients/day=" removes.  The error says which text is not understood.
[[nodiscard]] auth::StoreResult<std::vector<auth::LimitChange>> parse_limit_changes(std::span<const std::string> texts);

// Refused where it is not empty and none of the classes that there are.
[[nodiscard]] auth::StoreResult<> check_class(const AccountSettings& settings, const std::string& policy_class);

}  // namespace sluice::cli
