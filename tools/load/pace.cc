#include "tools/load/pace.h"

#include <cmath>

#include "engine/base/check.h"
#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

}  // namespace

Pace::Pace(double rate, Arrivals arrivals, std::uint64_t seed, std::uint32_t part, std::uint32_t parts)
    : between_ns_(kNanosecondsPerSecond / rate),
      arrivals_(arrivals),
      random_(mix(seed) + part),
      number_(part),
      parts_(parts) {
  CHECK(rate > 0 && part < parts);
  if (arrivals == Arrivals::poisson) between_ns_ *= parts;
}

Duration Pace::next() {
  if (arrivals_ == Arrivals::even) {
    const double at = static_cast<double>(number_) * between_ns_;
    number_ += parts_;
    return Duration(std::llround(at));
  }
  // Above 0 and at most 1, so that there is a logarithm.
  random_ = mix(random_);
  const double uniform = (static_cast<double>(random_ >> 11) + 1) / 9007199254740992.0;
  sum_ns_ -= std::log(uniform) * between_ns_;
  return Duration(std::llround(sum_ns_));
}

}  // namespace sluice::load
