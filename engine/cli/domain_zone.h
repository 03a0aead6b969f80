// sluicectl domain zone: the ISP's own zone of all domains' keys.  Blocking; the control program's only thread.
#pragma once

#include "auth/store/store_error.h"
#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

[[nodiscard]] auth::StoreResult<> write_zone(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
