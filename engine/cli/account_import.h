// `sluicectl account import`: takes over the accounts of other programs' files.  Blocking; the control program's only
// thread.
#pragma once

#include "auth/store/account_admin.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

// The error says how many were refused, each of which has had its line on `world.err`, or why nothing was done.
[[nodiscard]] auth::StoreResult<> import_accounts(const AccountRequest& request, const AccountCommandWorld& world,
                                                  auth::AccountAdmin& admin);

}  // namespace sluice::cli
