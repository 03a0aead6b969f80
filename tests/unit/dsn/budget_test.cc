// The limit on reports: never more in any hour, per customer, in bounded memory.
#include "engine/dsn/budget.h"

#include <gtest/gtest.h>

#include <deque>

namespace sluice::dsn {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant kStart{hours(7777)};

std::uint32_t take_all(ReportBudget& budget, std::string_view customer, Instant now) {
  std::uint32_t taken = 0;
  while (taken < 100'000 && budget.take(customer, now)) ++taken;
  return taken;
}

TEST(ReportBudget, AllowsSoManyAnHour) {
  ReportBudget budget;
  EXPECT_EQ(take_all(budget, "acme", kStart), 200U);
  EXPECT_FALSE(budget.take("acme", kStart + minutes(59)));
  EXPECT_FALSE(budget.take("acme", kStart + minutes(60) - seconds(1)));
  EXPECT_EQ(take_all(budget, "acme", kStart + minutes(66)), 200U);
}

TEST(ReportBudget, StartsAnywhere) {
  for (const Instant start : {Instant(), Instant(seconds(1)), Instant(hours(900'000))}) {
    ReportBudget budget({.per_hour = 3});
    EXPECT_EQ(take_all(budget, "acme", start), 3U);
  }
}

TEST(ReportBudget, NoHourSeesMoreWhereverItBegins) {
  ReportBudget budget({.per_hour = 10});
  std::deque<Instant> sent;
  std::size_t all = 0;
  for (int i = 0; i < 5000; ++i) {
    // At uneven steps of up to about a quarter of an hour.
    const Instant now = kStart + seconds(i * 37 + (i / 100) * (i % 23) * 40);
    if (!sent.empty() && now < sent.back()) continue;
    if (!budget.take("acme", now)) continue;
    ++all;
    sent.push_back(now);
    while (now - sent.front() >= hours(1)) sent.pop_front();
    ASSERT_LE(sent.size(), 10U);
  }
  EXPECT_GT(all, 300U);
}

TEST(ReportBudget, CountsForAnHourAndAtMostFiveMinutesMore) {
  for (int offset = 0; offset < 600; offset += 7) {
    ReportBudget budget({.per_hour = 1});
    const Instant first = kStart + seconds(offset);
    EXPECT_TRUE(budget.take("acme", first));
    EXPECT_FALSE(budget.take("acme", first + hours(1) - seconds(1))) << offset;
    EXPECT_TRUE(budget.take("acme", first + minutes(65))) << offset;
  }
}

TEST(ReportBudget, CustomersDoNotUseUpEachOthers) {
  ReportBudget budget({.per_hour = 2});
  EXPECT_EQ(take_all(budget, "acme", kStart), 2U);
  EXPECT_EQ(take_all(budget, "acme2", kStart), 2U);
  EXPECT_EQ(take_all(budget, "", kStart), 2U);
  EXPECT_EQ(take_all(budget, "acme", kStart), 0U);
}

TEST(ReportBudget, NoneIsALimitToo) {
  ReportBudget budget({.per_hour = 0});
  EXPECT_FALSE(budget.take("acme", kStart));
}

TEST(ReportBudget, ATimeThatGoesBackGivesNothingBack) {
  ReportBudget budget({.per_hour = 1});
  EXPECT_TRUE(budget.take("acme", kStart));
  EXPECT_FALSE(budget.take("acme", kStart - hours(5)));
  EXPECT_FALSE(budget.take("acme", kStart + seconds(1)));
}

TEST(ReportBudget, ForgetsWhoWasQuietLongestWhenThereIsNoRoom) {
  ReportBudget budget({.per_hour = 1, .customers_max = 3});
  for (const char* customer : {"a", "b", "c"}) EXPECT_TRUE(budget.take(customer, kStart));
  EXPECT_FALSE(budget.take("a", kStart));  // and so is the latest one
  EXPECT_TRUE(budget.take("d", kStart));   // in the place of b
  EXPECT_EQ(budget.customers(), 3U);
  EXPECT_FALSE(budget.take("a", kStart));
  EXPECT_FALSE(budget.take("c", kStart));
  EXPECT_TRUE(budget.take("b", kStart));
  for (int i = 0; i < 10'000; ++i) budget.take("customer" + std::to_string(i), kStart);
  EXPECT_EQ(budget.customers(), 3U);
}

}  // namespace
}  // namespace sluice::dsn
