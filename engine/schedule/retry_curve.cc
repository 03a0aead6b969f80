#include "engine/schedule/retry_curve.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::schedule {

using std::chrono::hours;
using std::chrono::minutes;

RetryCurve::RetryCurve() : RetryCurve({minutes(5), minutes(15), minutes(30), hours(1), hours(2), hours(4)}, 20) {}

RetryCurve::RetryCurve(std::vector<Duration> steps, unsigned jitter_percent)
    : steps_(std::move(steps)), jitter_percent_(jitter_percent) {
  CHECK(!steps_.empty() && jitter_percent_ <= 90);
  for (const Duration step : steps_) CHECK(step > Duration::zero());
}

Duration RetryCurve::wait(std::uint32_t tries, std::uint64_t random) const {
  const std::size_t last = steps_.size() - 1;
  const Duration step = steps_[std::min<std::size_t>(std::max(tries, 1U) - 1, last)];
  // Evenly within [-jitter, +jitter], in steps of a 1/65536 of that; divided first, so that years do not overflow.
  const auto chance = static_cast<std::int64_t>(random >> 47) - 65536;
  const Duration jitter = step / 100 * jitter_percent_;
  return step + jitter / 65536 * chance;
}

std::optional<Duration> RetryCurve::wait_within(Duration left, std::uint32_t tries, std::uint64_t random) const {
  if (left <= Duration::zero()) return std::nullopt;
  return std::min(wait(tries, random), left);
}

}  // namespace sluice::schedule
