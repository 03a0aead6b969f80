// The command lines of sluicectl that list: how the relay is (status, pools, counters), and what those of the queue, of
// sessions, of the shield and of limits have in common.  Pure; any thread.
#pragma once

#include <span>
#include <string>

#include "engine/cli/command_line.h"
#include "engine/cli/view_options.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

[[nodiscard]] bool is_relay_view(std::string_view word);
// `words` begins with one of these; the options that all commands have are taken out.
void parse_relay_view(const text::Words& words, SluicectlCommand& command);

// Makes `command` one that asks `request`, which is to be answered in JSON, and shows what comes as `view` and `given`,
// which are ViewWords::all(), say.  `limited`: the relay answers with a part of it only.  Says what is wrong, or
// nothing.
struct ViewRequest {
  std::string line;
  bool json = false;  // what is printed, too
  bool limited = false;
};
[[nodiscard]] std::string make_view(const View& view, std::span<const text::Option> given, ViewRequest request,
                                    SluicectlCommand& command);

}  // namespace sluice::cli
