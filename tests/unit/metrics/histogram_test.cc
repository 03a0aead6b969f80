#include "engine/metrics/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

namespace sluice::metrics {
namespace {

constexpr std::array<double, 3> kBounds{0.5, 1, 10};

std::vector<std::uint64_t> counts(const Histogram& histogram) {
  return {histogram.counts().begin(), histogram.counts().end()};
}

TEST(Histogram, ABoundIsInsideItsBucket) {
  Histogram histogram(kBounds);
  for (const double value : {0.0, 0.5, 0.500001, 1.0, 10.0, 10.5, 1e300}) histogram.observe(value);
  EXPECT_EQ(counts(histogram), (std::vector<std::uint64_t>{2, 2, 1, 2}));
}

TEST(Histogram, WhatIsNoNumberOrNegativeCountsAsNothing) {
  Histogram histogram(kBounds);
  histogram.observe(-5);
  histogram.observe(std::nan(""));
  EXPECT_EQ(counts(histogram), (std::vector<std::uint64_t>{2, 0, 0, 0}));
  EXPECT_EQ(histogram.sum(), 0);
}

TEST(Histogram, SumsWhatItHasSeen) {
  Histogram histogram(kBounds);
  histogram.observe(0.25);
  histogram.observe(64);
  EXPECT_EQ(histogram.sum(), 64.25);
}

TEST(Histogram, BoundsRise) {
  const auto rise = [](std::span<const double> bounds) { return std::ranges::is_sorted(bounds, std::less_equal()); };
  EXPECT_TRUE(rise(kStageSeconds) && rise(kSpanSeconds) && rise(kMessageBytes));
}

TEST(Histogram, DurationsAreSeconds) { EXPECT_EQ(seconds_of(std::chrono::milliseconds(1500)), 1.5); }

}  // namespace
}  // namespace sluice::metrics
