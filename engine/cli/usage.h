// The command line of sluicectl usage: what is used of the limits.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "usage"; the options that all commands have are taken out.
void parse_usage_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string usage_help();

}  // namespace sluice::cli
