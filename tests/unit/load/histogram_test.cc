#include "tools/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace sluice::load {
namespace {

using namespace std::chrono_literals;

TEST(HistogramTest, HasNothingToSayOfNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.mean(), 0ns);
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
}

TEST(HistogramTest, IsExactWhereEachValueHasItsBucket) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(std::chrono::nanoseconds(i));
  EXPECT_EQ(histogram.quantile(0), 1ns);
  EXPECT_EQ(histogram.quantile(0.5), 50ns);
  EXPECT_EQ(histogram.quantile(0.99), 99ns);
  EXPECT_EQ(histogram.quantile(0.999), 100ns);
  EXPECT_EQ(histogram.quantile(1), 100ns);
  EXPECT_EQ(histogram.mean(), 50ns);
  EXPECT_EQ(histogram.max(), 100ns);
}

// Against the values themselves: never lower, and at most 1 in 128 higher.
TEST(HistogramTest, IsNeverLowerAndHardlyHigherThanTheValuesThemselves) {
  std::mt19937_64 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  for (int round = 0; round < 20; ++round) {
    Histogram histogram;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 3000; ++i) values.push_back(random() >> (22 + random() % 42));
    for (const std::uint64_t value : values) histogram.record(Duration(static_cast<Duration::rep>(value)));
    std::ranges::sort(values);
    for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto place = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
      const auto got = static_cast<std::uint64_t>(histogram.quantile(share).count());
      EXPECT_GE(got, values[place]) << share;
      EXPECT_LE(got, values[place] + values[place] / 128 + 1) << share;
    }
    EXPECT_EQ(static_cast<std::uint64_t>(histogram.max().count()), values.back());
  }
}

TEST(HistogramTest, TakesWhatIsOutOfRangeForItsEnds) {
  Histogram histogram;
  histogram.record(-5s);
  histogram.record(Duration::max());
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
  EXPECT_EQ(histogram.max(), Duration(Histogram::kValueMax));
  EXPECT_EQ(histogram.quantile(1), Duration(Histogram::kValueMax));
}

TEST(HistogramTest, MergedIsAsIfAllWereRecordedInOne) {
  Histogram one;
  Histogram other;
  Histogram all;
  for (int i = 0; i < 1000; ++i) {
    const Duration took = i * i * 1us;
    (i % 3 == 0 ? one : other).record(took);
    all.record(took);
  }
  one.merge(other);
  EXPECT_EQ(one.text(), all.text());
  EXPECT_EQ(one.count(), 1000U);
}

TEST(HistogramTest, ItsTextGivesItBack) {
  Histogram histogram;
  EXPECT_EQ(Histogram::parse(histogram.text())->count(), 0U);
  for (int i = 0; i < 1000; ++i) histogram.record(i * 7us);
  const auto again = Histogram::parse(histogram.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), histogram.text());
  EXPECT_EQ(again->count(), 1000U);
  EXPECT_EQ(again->quantile(0.9), histogram.quantile(0.9));
}

TEST(HistogramTest, NoOtherTextIsTakenForOne) {
  for (const char* text : {"", "1", "1 ", "x 1 ", "1 1 5", "1 1 5:", "1 1 5:x", "1 1 -5:1", "1 1 9999999:1"})
    EXPECT_FALSE(Histogram::parse(text)) << text;
}

}  // namespace
}  // namespace sluice::load
