#include <gtest/gtest.h>

#include <cstdint>

#include "policy/noticing/hourly_count.h"
#include "policy/noticing/recent_networks.h"
#include "policy/noticing/recent_texts.h"
#include "policy/noticing/recent_unknown.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

constexpr CountryCode kGermany{'D', 'E'};
constexpr CountryCode kItaly{'I', 'T'};
constexpr std::uint64_t place(std::uint64_t number) { return number << 48; }

TEST(HourlyCountTest, WhatIsADayOldGoesHourByHour) {
  HourlyCount count;
  count.add(100, 5);
  count.advance(100, 110);
  count.add(110, 7);
  count.advance(110, 123);
  EXPECT_EQ(count.sum(), 12U);
  count.advance(123, 124);
  EXPECT_EQ(count.sum(), 7U);
  count.advance(124, 10'000);
  EXPECT_EQ(count.sum(), 0U);
}

TEST(HourlyCountTest, AnHourHoldsNoMoreThanItsBytes) {
  HourlyCount count;
  count.add(1, 60'000);
  count.add(1, 4'000'000'000U);
  EXPECT_EQ(count.sum(), 65'535U);
}

TEST(RecentNetworksTest, EachNetworkAndCountryCountsOnceADay) {
  RecentNetworks recent;
  recent.add(place(1), kGermany, 100);
  recent.add(place(1), kGermany, 101);
  recent.add(place(2), kGermany, 102);
  recent.add(place(3), kItaly, 103);
  recent.add(place(4), {}, 103);
  EXPECT_EQ(recent.networks(), 4U);
  EXPECT_EQ(recent.countries(), 2U);
  recent.forget(126);
  EXPECT_EQ(recent.networks(), 2U);
  EXPECT_EQ(recent.countries(), 1U);
  recent.forget(200);
  EXPECT_EQ(recent.networks(), 0U);
}

TEST(RecentNetworksTest, WhenFullTheOldestGoes) {
  RecentNetworks recent;
  for (std::uint32_t i = 0; i < kRecentNetworksMax + 10; ++i) recent.add(place(i + 1), kGermany, 100 + i / 10);
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
  recent.add(place(1), kItaly, 107);
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
  EXPECT_EQ(recent.countries(), 2U);
  recent.forget(124);  // those of hour 100, which were the first ten
  EXPECT_EQ(recent.networks(), kRecentNetworksMax);
}

TEST(RecentTextsTest, RecipientsOfOneTextAddUp) {
  Draw draw(1);
  const RotatingText text(draw, 60, 0);
  RecentTexts recent;
  for (int i = 0; i < 6; ++i) recent.add(sketch_of(text.copy(draw)), 50, i % 2 == 0, 100);
  recent.add(sketch_of(some_words(draw, 60)), 200, true, 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 300U);
  EXPECT_EQ(recent.most_sent(100).without_unsubscribe, 150U);
}

TEST(RecentTextsTest, ACountWanesByHalfInADay) {
  Draw draw(2);
  RecentTexts recent;
  recent.add(sketch_of(some_words(draw, 60)), 400, false, 100);
  EXPECT_EQ(recent.most_sent(112).recipients, 300U);
  EXPECT_EQ(recent.most_sent(124).recipients, 200U);
  EXPECT_EQ(recent.most_sent(148).recipients, 100U);
  EXPECT_EQ(recent.most_sent(5000).recipients, 0U);
}

TEST(RecentTextsTest, SmallTextsDoNotDriveOutALargeOne) {
  Draw draw(3);
  RecentTexts recent;
  recent.add(sketch_of(some_words(draw, 60)), 400, false, 100);
  for (int i = 0; i < 50; ++i) recent.add(sketch_of(some_words(draw, 60)), 2, false, 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 400U);
}

TEST(RecentTextsTest, WhatHasNoTextIsNotCounted) {
  RecentTexts recent;
  for (int i = 0; i < 10; ++i) recent.add(TextSketch(), 100, false, 100);
  EXPECT_EQ(recent.most_sent(100).recipients, 0U);
}

TEST(RecentUnknownTest, AMailboxThatIsGoneCountsOnce) {
  RecentUnknown recent;
  EXPECT_TRUE(recent.add(place(7)));
  EXPECT_FALSE(recent.add(place(7)));
  for (std::uint64_t i = 100; i < 123; ++i) EXPECT_TRUE(recent.add(place(i)));
  EXPECT_FALSE(recent.add(place(7)));
  EXPECT_TRUE(recent.add(place(200)));
  EXPECT_TRUE(recent.add(place(7)));
  EXPECT_TRUE(RecentUnknown().add(0));
}

}  // namespace
}  // namespace sluice::noticing
