#include "engine/base/time.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(TimeTest, ADeadlineWithoutLimitOverflowedIntoThePast) {
  const Instant now(std::chrono::hours(1));
  EXPECT_EQ(later(now, std::chrono::seconds(5)), now + std::chrono::seconds(5));
  EXPECT_EQ(later(now, Duration::zero()), now);
  EXPECT_EQ(later(now, -std::chrono::seconds(5)), now - std::chrono::seconds(5));
  EXPECT_EQ(later(now, Duration::max()), Instant::max());
  EXPECT_EQ(later(now, Duration::max() - std::chrono::minutes(1)), Instant::max());
  EXPECT_EQ(later(Instant::max(), std::chrono::seconds(1)), Instant::max());
  EXPECT_EQ(later(Instant(), Duration::max()), Instant::max());
  EXPECT_EQ(later(Instant(-std::chrono::hours(1)), std::chrono::hours(2)), Instant(std::chrono::hours(1)));
}

}  // namespace
}  // namespace sluice
