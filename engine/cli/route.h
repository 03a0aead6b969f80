// The command line of sluicectl route test: which way mail for an address goes.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "route"; the options that all commands have are taken out.
void parse_route_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string route_help();

}  // namespace sluice::cli
