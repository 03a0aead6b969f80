// `sluicectl host`: looks at the certificates of the hosts, in their files.  One thread.
#pragma once

#include <ostream>
#include <string>

#include "engine/base/time.h"
#include "engine/cli/command_line.h"

namespace sluice::cli {

// The exit status: 0, or 1 where it failed, or where something that was checked is wrong.
int run_host_command(const HostCommand& command, const std::string& directory, WallMillis now, std::ostream& out,
                     std::ostream& err);

}  // namespace sluice::cli
