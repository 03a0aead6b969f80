// How long things took: counts in buckets whose width grows with the value, as HdrHistogram has them, so that memory is
// constant and a quantile is never more than 1 in 128 too high.
// A value.  One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::load {

class Histogram {
 public:
  // Up to 2 * kLinear nanoseconds each value has its own bucket; from there on kLinear buckets for each power of two.
  static constexpr unsigned kLinearBits = 7;
  static constexpr std::size_t kLinear = std::size_t{1} << kLinearBits;
  // What takes longer than this (73 minutes) counts as this.
  static constexpr unsigned kValueBits = 42;
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;
  static constexpr std::size_t kBuckets = 2 * kLinear + (kValueBits - kLinearBits - 1) * kLinear;

  // Negative counts as 0.
  void record(Duration took);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  // Zero where nothing was recorded.
  [[nodiscard]] Duration max() const { return Duration(max_); }
  [[nodiscard]] Duration mean() const;
  // The smallest value that at least `share` (0 to 1) of all are not above, to the width of its bucket.
  [[nodiscard]] Duration quantile(double share) const;

  // "MAX SUM BUCKET:COUNT,BUCKET:COUNT", without the empty ones, and what it was made of.
  [[nodiscard]] std::string text() const;
  static std::optional<Histogram> parse(std::string_view text);

 private:
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t highest_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace sluice::load
