#include "policy/noticing/signal.h"

#include <algorithm>
#include <cmath>

namespace sluice::noticing {

Measured times_ordinary(float figure, float ordinary) {
  return {.figure = figure, .ordinary = ordinary, .excess = figure / std::max(ordinary, 1.0F) - 1};
}

Measured more_than_ordinary(float figure, float ordinary) {
  return {.figure = figure, .ordinary = ordinary, .excess = figure - ordinary};
}

std::string shown(float figure) { return std::to_string(std::lround(figure)); }

}  // namespace sluice::noticing
