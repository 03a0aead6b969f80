// The commands of sluicectl about a domain with its signing keys: added, shown, its records, its next keys.  They are
// account commands (accounts.h).  Blocking; the control program's only thread.
#pragma once

#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

// Whether it is one of them.
[[nodiscard]] bool is_domain_key_command(const AccountCommand& command);
// Returns the exit status.
[[nodiscard]] int run_domain_key_command(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
