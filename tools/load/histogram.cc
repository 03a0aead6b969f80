#include "tools/load/histogram.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "tools/load/numbers.h"

namespace sluice::load {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 2 * kLinear) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kLinearBits - 1;
  return 2 * kLinear + (shift - 1) * kLinear + ((value >> shift) - kLinear);
}

std::uint64_t Histogram::highest_of(std::size_t bucket) {
  if (bucket < 2 * kLinear) return bucket;
  const std::size_t beyond = bucket - 2 * kLinear;
  const auto shift = static_cast<unsigned>(beyond / kLinear) + 1;
  return ((beyond % kLinear + kLinear + 1) << shift) - 1;
}

void Histogram::record(Duration took) {
  const std::uint64_t value =
      std::min<std::uint64_t>(kValueMax, static_cast<std::uint64_t>(std::max<Duration::rep>(took.count(), 0)));
  ++counts_[bucket_of(value)];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::mean() const { return Duration(count_ == 0 ? 0 : sum_ / count_); }

Duration Histogram::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return Duration(std::min(highest_of(i), max_));
  }
  return Duration::zero();
}

std::string Histogram::text() const {
  std::string out = std::to_string(max_) + " " + std::to_string(sum_) + " ";
  bool first = true;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    if (!std::exchange(first, false)) out.push_back(',');
    out.append(std::to_string(i)).append(":").append(std::to_string(counts_[i]));
  }
  return out;
}

std::optional<Histogram> Histogram::parse(std::string_view text) {
  Histogram result;
  const auto max = parse_number(take_until(text, ' '));
  const auto sum = parse_number(take_until(text, ' '));
  if (!max || !sum) return std::nullopt;
  result.max_ = *max;
  result.sum_ = *sum;
  while (!text.empty()) {
    std::string_view pair = take_until(text, ',');
    const auto bucket = parse_number(take_until(pair, ':'));
    const auto count = parse_number(pair);
    if (!bucket || !count || *bucket >= kBuckets) return std::nullopt;
    result.counts_[*bucket] += *count;
    result.count_ += *count;
  }
  return result;
}

}  // namespace sluice::load
