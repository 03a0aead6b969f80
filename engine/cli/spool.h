// `sluicectl spool`: prints and checks what lies in a spool, beside a relay that runs or without one.
// One thread.
#pragma once

#include <ostream>
#include <string>

#include "engine/cli/command_line.h"
#include "engine/io/disk.h"

namespace sluice::cli {

// The exit status: 0, or 1 where something is damaged or cannot be read.  `path` is where the directory is for this
// process, `directory` what the operator calls it.
int run_spool_command(io::Disk& disk, const SpoolCommand& command, const std::string& path,
                      const std::string& directory, std::ostream& out, std::ostream& err);

}  // namespace sluice::cli
