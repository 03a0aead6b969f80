// The command lines of sluicectl that are about the queue, open sessions and the shield, which the running relay is
// asked about, and about the spool and the hosts, which are read from the disk; and the help for them.  Pure; any
// thread.
#pragma once

#include <string>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "queue", "review", "spool", "shield", "sessions" or "host"; the options that all commands have
// are taken out.  Sets what `command` is: something to do, a help page or an error.
void parse_queue_command(const text::Words& words, SluicectlCommand& command);
void parse_review_command(const text::Words& words, SluicectlCommand& command);
void parse_spool_command(const text::Words& words, SluicectlCommand& command);
void parse_shield_command(const text::Words& words, SluicectlCommand& command);
void parse_host_command(const text::Words& words, SluicectlCommand& command);
void parse_sessions_command(const text::Words& words, SluicectlCommand& command);

// In the form of manual pages, for a terminal of 80 columns.
[[nodiscard]] std::string queue_help();
[[nodiscard]] std::string review_help();
[[nodiscard]] std::string spool_help();
[[nodiscard]] std::string shield_help();
[[nodiscard]] std::string host_help();
[[nodiscard]] std::string sessions_help();

}  // namespace sluice::cli
