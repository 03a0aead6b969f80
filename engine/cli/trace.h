// The command line of sluicectl trace: what happened to messages.  Pure; any thread.
#pragma once

#include <string>

#include "engine/base/time.h"
#include "engine/cli/command_line.h"
#include "engine/text/command_words.h"

namespace sluice::cli {

// `words` begins with "trace"; the options that all commands have are taken out.
void parse_trace_command(const text::Words& words, SluicectlCommand& command);
[[nodiscard]] std::string trace_help();

// A moment of --since and --until: "2026-11-24T04:33:22Z", "2026-11-24 04:33", "2026-11-24" (UTC), "@SECONDS" since
// 1970, or how long ago: "90s", "30m", "2h", "3d".  Nothing: it is none of them.
[[nodiscard]] std::optional<WallMillis> parse_moment(std::string_view text, WallMillis now);

}  // namespace sluice::cli
