// Reads what was decided under an id from the relay's answer, or from its log, in either of its formats (log/line.h).
// A log may have been edited, cut or forged: whatever a line is, it is read within the bounds below, or is not.  The
// control program's only thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/cli/event_logs.h"
#include "engine/control/explain_request.h"

namespace sluice::cli {

// Of each file the last so many; of a pipe the first.
inline constexpr std::uint64_t kDecisionLogBytesMax = std::uint64_t{1} << 30U;
// Of one id.
inline constexpr std::size_t kLoggedDecisionsMax = 1000;

// Without its newline.  Nothing: the line is of no event that decides something, or cannot be read.  Pure.
[[nodiscard]] std::optional<control::DecidedEvent> read_logged_decision(std::string_view line);

// The relay's answer in JSON; nothing: it is none.  Pure.
[[nodiscard]] std::vector<control::DecidedEvent> read_answered_decisions(std::string_view answer);

struct LoggedDecisions {
  std::vector<control::DecidedEvent> events;  // in the order of the lines; the first kLoggedDecisionsMax
  bool more = false;                          // lines of the id than that
  bool whole = true;                          // all of the file was looked at
};
// Those of `id` are added to `found`.
void find_logged_decisions(LogFile file, std::string_view id, LoggedDecisions& found);

}  // namespace sluice::cli
