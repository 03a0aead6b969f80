#include "engine/metrics/busiest.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice::metrics {
namespace {

using Two = Busiest<2>;

std::map<std::string, Two::Counts> shown(const Two& busiest) {
  std::map<std::string, Two::Counts> all;
  busiest.for_each_shown([&all](std::string_view name, const Two::Counts& counts) { all[std::string(name)] = counts; });
  return all;
}
using Shown = std::map<std::string, Two::Counts>;

TEST(Busiest, TheFirstOnesAreShownAndTheRestIsOne) {
  Two busiest(2, 10);
  busiest.add("a", 0, 5);
  busiest.add("b", 1, 1);
  busiest.add("c", 0, 7);
  busiest.add("a", 1, 2);
  EXPECT_EQ(shown(busiest), (Shown{{"a", {5, 2}}, {"b", {0, 1}}}));
  EXPECT_EQ(busiest.rest(), (Two::Counts{7, 0}));
}

TEST(Busiest, ABusierOneTakesThePlaceAndBeginsAtNothing) {
  Two busiest(2, 10);
  busiest.add("a", 0, 100);
  busiest.add("b", 0, 10);
  busiest.add("c", 0, 30);
  busiest.turn_over();
  EXPECT_EQ(shown(busiest), (Shown{{"a", {100, 0}}, {"c", {0, 0}}}));
  busiest.add("b", 0, 1);
  busiest.add("c", 0, 1);
  EXPECT_EQ(shown(busiest), (Shown{{"a", {100, 0}}, {"c", {1, 0}}}));
  EXPECT_EQ(busiest.rest(), (Two::Counts{31, 0}));
}

TEST(Busiest, OneThatIsOnlyABitBusierWaits) {
  Two busiest(1, 10);
  busiest.add("a", 0, 10);
  busiest.add("b", 0, 20);
  busiest.turn_over();
  EXPECT_EQ(shown(busiest), (Shown{{"a", {10, 0}}}));
}

TEST(Busiest, WhatWasLongAgoCountsLess) {
  Two busiest(1, 10);
  busiest.add("a", 0, 1000);
  for (int i = 0; i < 8; ++i) busiest.turn_over();
  busiest.add("b", 0, 50);
  busiest.turn_over();
  EXPECT_EQ(shown(busiest), (Shown{{"b", {0, 0}}}));
}

TEST(Busiest, KnowsSoManyNamesAndNoMore) {
  Two busiest(1, 3);
  for (int i = 0; i < 100; ++i) busiest.add("name " + std::to_string(i), 0, 1);
  busiest.add("late", 0, 1000);
  EXPECT_EQ(shown(busiest), (Shown{{"name 0", {1, 0}}}));
  EXPECT_EQ(busiest.rest(), (Two::Counts{1099, 0}));
  // Those with nothing to say make room.
  busiest.turn_over();
  busiest.add("late", 0, 1000);
  busiest.turn_over();
  EXPECT_EQ(shown(busiest), (Shown{{"late", {0, 0}}}));
}

}  // namespace
}  // namespace sluice::metrics
