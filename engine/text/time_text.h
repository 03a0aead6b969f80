// Moments and spans as text.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::text {

// RFC 3339 section 5.6, in UTC, with milliseconds: "2026-11-24T04:33:22.123Z".  Years 0 to 9999; others as the nearest.
using TimeText = std::array<char, 24>;
[[nodiscard]] TimeText time_text(WallMillis wall);
[[nodiscard]] std::string time_string(WallMillis wall);  // the same characters

// Milliseconds with three places: 12.345.  A view of `room`.
inline constexpr std::size_t kDurationTextMax = 32;
[[nodiscard]] std::string_view duration_text(Duration value, std::array<char, kDurationTextMax>& room);

}  // namespace sluice::text
