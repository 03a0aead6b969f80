// A family of metrics as values: what the relay counts and measures, on its way to text (exposition.h).  Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metrics/histogram.h"

namespace sluice::metrics {

// A value may be any bytes; the exposition escapes it.
struct Label {
  std::string_view name;
  std::string value;
};

struct Sample {
  std::vector<Label> labels;
  double value = 0;
};

struct HistogramSample {
  std::vector<Label> labels;
  Histogram value;
};

enum class Kind : std::uint8_t { counter, gauge, histogram };

// `name` is without "_total", which a counter's samples get; a time or a size has its unit last, "_seconds" or
// "_bytes" (https://prometheus.io/docs/practices/naming/).
struct Family {
  std::string_view name;
  Kind kind = Kind::gauge;
  std::string_view help;
  std::vector<Sample> samples;              // of a counter or gauge
  std::vector<HistogramSample> histograms;  // of a histogram
};

}  // namespace sluice::metrics
