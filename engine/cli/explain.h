// The command line of sluicectl explain: why something was refused, held or slowed.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "explain"; the options that all commands have are taken out.
void parse_explain_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string explain_help();

}  // namespace sluice::cli
