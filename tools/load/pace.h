// When the messages of an open loop are due: at a rate that does not ask how the receiver fares.
// A value.  One thread at a time.
#pragma once

#include <cstdint>

#include "engine/base/time.h"

namespace sluice::load {

enum class Arrivals : std::uint8_t {
  even,     // one each 1/rate of a second
  poisson,  // at random and independent of each other, so many in a second on average
};

class Pace {
 public:
  // `rate`: messages a second of all `parts` together; this is part `part` of them. `seed`: of `poisson`.
  Pace(double rate, Arrivals arrivals, std::uint64_t seed, std::uint32_t part = 0, std::uint32_t parts = 1);
  // When the next message is due, counted from the beginning. Errors of rounding do not add up.
  Duration next();

 private:
  double between_ns_;  // of all parts for `even`, of this one for `poisson`
  Arrivals arrivals_;
  std::uint64_t random_;
  std::uint64_t number_;
  std::uint32_t parts_;
  double sum_ns_ = 0;
};

}  // namespace sluice::load
