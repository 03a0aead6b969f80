// Reads lines of the relay's log in JSON (engine/event/table.def says which keys there are).  A log may have been
// edited, cut or forged: whatever a line is, it is read within the bounds below, or is not.  Pure; any thread.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "policy/replay/recorded_event.h"

namespace sluice::policy {

// The relay's own lines have 8,192 at most; others may have put something around them.
inline constexpr std::size_t kRecordedLineBytesMax = 64 * 1024;
inline constexpr std::uint32_t kRecordedRecipientsMax = 100'000;
inline constexpr std::uint64_t kRecordedBytesMax = std::uint64_t{1} << 40U;

// Without its newline.  Nothing: the line is of an event that is not replayed.  The error is a phrase that repeats
// nothing of the line.
[[nodiscard]] std::expected<std::optional<RecordedEvent>, std::string> read_recorded_event(std::string_view line);

}  // namespace sluice::policy
