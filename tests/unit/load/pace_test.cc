#include "tools/load/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace sluice::load {
namespace {

using namespace std::chrono_literals;

TEST(PaceTest, EvenArrivalsAreSoFarApart) {
  Pace pace(200, Arrivals::even, 1);
  EXPECT_EQ(pace.next(), 0ns);
  EXPECT_EQ(pace.next(), 5ms);
  EXPECT_EQ(pace.next(), 10ms);
}

TEST(PaceTest, RoundingDoesNotAddUp) {
  Pace pace(3, Arrivals::even, 1);
  Duration last{};
  for (int i = 0; i <= 300'000; ++i) last = pace.next();
  EXPECT_EQ(last, 100'000s);
}

TEST(PaceTest, PartsTogetherAreTheWhole) {
  for (const Arrivals arrivals : {Arrivals::even, Arrivals::poisson}) {
    std::vector<Duration> due;
    for (std::uint32_t part = 0; part < 3; ++part) {
      Pace pace(1000, arrivals, 5, part, 3);
      for (Duration at = pace.next(); at < 100s; at = pace.next()) due.push_back(at);
    }
    std::ranges::sort(due);
    if (arrivals == Arrivals::even) {
      ASSERT_EQ(due.size(), 100'000U);
      for (std::size_t i = 0; i < due.size(); ++i) ASSERT_EQ(due[i], i * 1ms);
    } else {
      // Five times the deviation that chance has.
      EXPECT_NEAR(static_cast<double>(due.size()), 100'000, 1600);
      EXPECT_EQ(std::ranges::adjacent_find(due), due.end()) << "two parts are the same";
    }
  }
}

TEST(PaceTest, PoissonIsAsIrregularAsThat) {
  Pace pace(1000, Arrivals::poisson, 9);
  Duration last{};
  int shorter = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Duration at = pace.next();
    ASSERT_GE(at, last);
    shorter += at - last < 693147ns;  // ln 2 of the mean: half of them are
    last = at;
  }
  EXPECT_NEAR(shorter, 5000, 250);
}

TEST(PaceTest, OneSeedIsOneSequence) {
  Pace one(10, Arrivals::poisson, 3);
  Pace same(10, Arrivals::poisson, 3);
  Pace other(10, Arrivals::poisson, 4);
  EXPECT_EQ(one.next(), same.next());
  EXPECT_EQ(one.next(), same.next());
  EXPECT_NE(one.next(), other.next());
}

}  // namespace
}  // namespace sluice::load
