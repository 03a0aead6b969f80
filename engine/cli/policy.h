// The command line of sluicectl policy: a configuration tried on recorded mail, or on one message that is described.
// Pure; any thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "policy"; the options that all commands have are taken out.
void parse_policy_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string policy_help();

}  // namespace sluice::cli
