// sluicectl account certificate: which client certificates accounts log in with.
#pragma once

#include "engine/cli/accounts.h"

namespace sluice::cli {

// Returns an exit status.
int run_certificate_command(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
