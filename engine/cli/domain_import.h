// sluicectl domain import-keys: keys that customers' domains have already, from files and from OpenDKIM's tables.
// Blocking; the control program's only thread.
#pragma once

#include "auth/store/store_error.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

[[nodiscard]] auth::StoreResult<> import_domain_keys(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
