// The table of signals, and the sum of their points.  Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "policy/noticing/signal.h"
#include "policy/noticing/verdict.h"

namespace sluice::noticing {

struct SignalRow {
  Signal signal = Signal::recipients;
  std::string_view name;  // for log and events
  Measured (*measure)(const Observed& observed) = nullptr;
  std::string (*words)(const Reason& reason) = nullptr;
  // Points: weight * excess + squared * excess^2, at most points_max.
  float weight = 0;
  float squared = 0;
  float points_max = 0;
};

[[nodiscard]] const SignalRow& signal_row(Signal signal);

// Fills in the verdict's reasons, those with most points first, and returns all points.
[[nodiscard]] float measure_all(const Observed& observed, Verdict& verdict);

}  // namespace sluice::noticing
