// Times in buckets, and kinds of TLS.
#include "engine/base/span_histogram.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/tls_counts.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(SpanHistogram, ABoundCountsAsInside) {
  StageTimes times;
  times.observe(0ns);
  times.observe(1ms);
  times.observe(1ms + 1ns);
  times.observe(60s, 3);
  times.observe(61s);
  EXPECT_EQ(times.counts()[0], 2U);
  EXPECT_EQ(times.counts()[1], 1U);
  EXPECT_EQ(times.counts()[times.bounds().size() - 1], 3U);
  EXPECT_EQ(times.counts()[times.bounds().size()], 1U);
  EXPECT_NEAR(times.sum_seconds(), 241.002, 1e-6);
}

// A wall clock that was set back.
TEST(SpanHistogram, ASpanBelowZeroCountsAsZero) {
  QueueTimes times;
  times.observe(-5h);
  EXPECT_EQ(times.counts()[0], 1U);
  EXPECT_EQ(times.sum_seconds(), 0);
}

TEST(TlsCounts, AreByVersionAndGroupAndBounded) {
  TlsCounts counts;
  counts.add({.version = "TLSv1.3", .group = "x25519"});
  counts.add({.version = "TLSv1.2", .group = "x25519"});
  counts.add({.version = "TLSv1.3", .group = "x25519"});
  ASSERT_EQ(counts.kinds().size(), 2U);
  EXPECT_EQ(counts.kinds()[0].count, 2U);
  for (std::size_t i = 0; i < 2 * TlsCounts::kKindsMax; ++i) counts.add("TLSv1.3", std::to_string(i));
  EXPECT_EQ(counts.kinds().size(), TlsCounts::kKindsMax);
  EXPECT_EQ(counts.others(), TlsCounts::kKindsMax + 2);
  TlsCounts sum;
  sum.add(counts);
  sum.add(counts);
  EXPECT_EQ(sum.kinds()[0].count, 4U);
  EXPECT_EQ(sum.others(), 2 * counts.others());
}

}  // namespace
}  // namespace sluice
