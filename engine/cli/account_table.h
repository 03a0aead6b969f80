// The tables behind account_grammar: every command and every option, with its words of help.
// Constant; any thread.
#pragma once

#include <span>
#include <string_view>

#include "engine/cli/account_grammar.h"

namespace sluice::cli {

struct AccountOptionText {
  AccountOption option;
  std::string_view name;   // "--customer"
  std::string_view value;  // what its value stands for; empty if it takes none
  std::string_view help;
};

extern const std::span<const AccountOptionText> kAccountOptions;
extern const std::span<const AccountCommand> kAccountCommands;

// The whole help of one command, in the form of a manual page.
[[nodiscard]] std::string account_command_help(const AccountCommand& command);
// How it is called, on one line.
[[nodiscard]] std::string account_command_synopsis(const AccountCommand& command);

}  // namespace sluice::cli
