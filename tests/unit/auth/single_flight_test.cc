#include "auth/single_flight.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::auth {
namespace {

TEST(SingleFlight, OnlyTheFirstStartsACheck) {
  SingleFlight<std::string, int> flight;
  EXPECT_TRUE(flight.join("tim+right", 1));
  for (int waiter = 2; waiter <= 1000; ++waiter) EXPECT_FALSE(flight.join("tim+right", waiter));
  // Another secret is another flight: a wrong one never keeps a right one waiting.
  EXPECT_TRUE(flight.join("tim+wrong", 7));
  EXPECT_EQ(flight.under_way(), 2U);

  const std::vector<int> waiters = flight.land("tim+right");
  ASSERT_EQ(waiters.size(), 1000U);
  EXPECT_EQ(waiters.front(), 1);
  EXPECT_EQ(waiters.back(), 1000);
  EXPECT_EQ(flight.under_way(), 1U);
}

TEST(SingleFlight, StartsAnewAfterLanding) {
  SingleFlight<std::string, int> flight;
  EXPECT_TRUE(flight.join("key", 1));
  EXPECT_EQ(flight.land("key"), std::vector<int>{1});
  EXPECT_TRUE(flight.land("key").empty());
  EXPECT_TRUE(flight.join("key", 2));
}

}  // namespace
}  // namespace sluice::auth
