// Moments as text.  Pure; any thread.
#pragma once

#include <array>

#include "engine/base/time.h"

namespace sluice::text {

// RFC 3339 section 5.6, in UTC, with milliseconds: "2026-11-24T04:33:22.123Z".  Years 0 to 9999; others as the nearest.
using TimeText = std::array<char, 24>;
[[nodiscard]] TimeText time_text(WallMillis wall);

}  // namespace sluice::text
