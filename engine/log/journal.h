// An event as an entry of systemd's journal, in its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "engine/event/record.h"

namespace sluice::log {

// MESSAGE is `line`, PRIORITY as syslog counts it, SYSLOG_IDENTIFIER sluice, SLUICE_EVENT the event's name, and each
// key a field: SLUICE_ and its name in capitals.  Texts are as they came: what shows the journal escapes them.
[[nodiscard]] std::string journal_entry(const event::Event& event, std::string_view line);

}  // namespace sluice::log
