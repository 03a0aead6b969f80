// The command of sluicectl that copies one store into another.
#pragma once

#include "engine/cli/account_grammar.h"
#include "engine/cli/accounts.h"

namespace sluice::cli {

// Returns the exit status.
int run_store_copy(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
