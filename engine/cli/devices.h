// The commands of sluicectl about device passwords.  Blocking; the control program's only thread.
#pragma once

#include "engine/cli/accounts.h"

namespace sluice::cli {

// `request` is about a device.  Returns the exit status.
int run_device_command(const AccountRequest& request, const AccountCommandWorld& world);

}  // namespace sluice::cli
