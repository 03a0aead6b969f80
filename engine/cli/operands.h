// What small commands of sluicectl have in common: a page of help, options that may stand anywhere, and operands.
// Pure; any thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// The command line of `name` was not understood.
void fail_command(SluicectlCommand& command, std::string_view name, std::string_view problem);
// Takes the options and operands of words[1] on.  `take_operand` says what is wrong with one, or nothing.  False: what
// to do is decided, as the page was asked for, or something is wrong.
[[nodiscard]] bool read_operands(const text::Words& words, std::span<text::Option> options, std::string (*page)(),
                                 const std::function<std::string(std::string_view)>& take_operand,
                                 SluicectlCommand& command);

}  // namespace sluice::cli
