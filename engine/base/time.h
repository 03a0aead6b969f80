// Points in time and spans of it, as values.  Reading a clock is engine/io's business; here is only what
// a clock reading is made of.  Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice {

using Duration = std::chrono::nanoseconds;

// The monotonic time base of one process: never jumps, means nothing outside.
struct MonotonicTime {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTime, Duration>;
  static constexpr bool is_steady = true;
};

using Instant = MonotonicTime::time_point;

// `from` + `span`; never is what is too far away to be counted, so that Duration::max() means no limit.
constexpr Instant later(Instant from, Duration span) {
  return span > Instant::max() - std::max(from, Instant()) ? Instant::max() : from + span;
}

// Milliseconds since 1970-01-01 00:00 UTC; may jump when the operator sets the clock.
using WallMillis = std::int64_t;

}  // namespace sluice
