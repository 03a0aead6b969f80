// A histogram with fixed buckets, as Prometheus has it.  Pure; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/span_histogram.h"
#include "engine/base/time.h"

namespace sluice::metrics {

[[nodiscard]] constexpr double seconds_of(Duration span) { return static_cast<double>(span.count()) / 1e9; }

// Upper bounds in seconds: those of a SpanHistogram,
template <const auto& kBounds>
inline constexpr auto kSecondsOf = [] {
  std::array<double, kBounds.size()> seconds{};
  for (std::size_t i = 0; i < kBounds.size(); ++i) seconds[i] = seconds_of(kBounds[i]);
  return seconds;
}();
// of what a stage of a session or an attempt takes,
inline constexpr auto kStageSeconds = kSecondsOf<kStageBounds>;
// and of how long sessions last.
inline constexpr std::array<double, 10> kSpanSeconds{0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 86'400};
// Of the size of messages, in bytes.
inline constexpr std::array<double, 8> kMessageBytes{1024,    4096,      16'384,    65'536,
                                                     262'144, 1'048'576, 4'194'304, 16'777'216};

class Histogram {
 public:
  // `bounds`: the upper bounds, which count as inside, in rising order; they outlive the histogram.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  // What is no number or negative counts as 0.
  void observe(double value);
  // What another one of the same bounds has observed: its counts() and sum().
  void add(std::span<const std::uint64_t> counts, double sum);

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  // Of each bucket alone; the last one is of what is above all bounds.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

}  // namespace sluice::metrics
