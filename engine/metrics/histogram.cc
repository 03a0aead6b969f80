#include "engine/metrics/histogram.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::metrics {

void Histogram::observe(double value) {
  const double counted = value > 0 ? value : 0;
  const auto at = std::ranges::lower_bound(bounds_, counted) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(at)];
  sum_ += counted;
}

void Histogram::add(std::span<const std::uint64_t> counts, double sum) {
  CHECK(counts.size() == counts_.size());
  for (std::size_t i = 0; i < counts.size(); ++i) counts_[i] += counts[i];
  sum_ += sum;
}

}  // namespace sluice::metrics
