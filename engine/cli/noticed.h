// The command line of sluicectl noticed: what was noticed of an account, and the lifting of it.  Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "noticed"; the options that all commands have are taken out.
void parse_noticed_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string noticed_help();

}  // namespace sluice::cli
