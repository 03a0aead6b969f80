#include "engine/metrics/histogram.h"

#include <algorithm>

namespace sluice::metrics {

void Histogram::observe(double value) {
  const double counted = value > 0 ? value : 0;
  const auto at = std::ranges::lower_bound(bounds_, counted) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(at)];
  sum_ += counted;
}

}  // namespace sluice::metrics
