// The table of events as `sluice events` prints it: what the log can say.  Pure; any thread.
#pragma once

#include <string>

namespace sluice::cli {

[[nodiscard]] std::string events_text();
// An array of {"event", "severity", "meaning", "keys": [{"key", "type", "meaning"}]} (RFC 8259), a row on a line.
[[nodiscard]] std::string events_json();

}  // namespace sluice::cli
