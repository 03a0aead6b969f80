// Families of a core's counters that have names in their labels: reasons, back ends, limits, kinds of TLS; and its
// histograms of stages.  Pure; any thread.
#pragma once

#include <span>
#include <vector>

#include "engine/metrics/family.h"
#include "engine/server/core_metrics.h"

namespace sluice::server {

// Sums over all cores, at least one.
void append_named_families(std::vector<metrics::Family>& families, std::span<const CoreMetrics> cores);

}  // namespace sluice::server
