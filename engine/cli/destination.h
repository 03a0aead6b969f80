// The command line of sluicectl destination: mail for a place waits, or goes slowly, until a moment.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "destination"; the options that all commands have are taken out.
void parse_destination_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string destination_help();

}  // namespace sluice::cli
