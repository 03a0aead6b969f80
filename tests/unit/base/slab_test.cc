#include "engine/base/slab.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice {
namespace {

using Names = Slab<std::string>;

TEST(SlabTest, AnIdOfARecordThatIsGoneFindsNothing) {
  Names names(4);
  const SlabId first = names.insert("first");
  names.erase(first);
  const SlabId second = names.insert("second");
  ASSERT_EQ(second.index, first.index);  // the same place
  EXPECT_EQ(names.find(first), nullptr);
  ASSERT_NE(names.find(second), nullptr);
  EXPECT_EQ(*names.find(second), "second");
}

TEST(SlabTest, TheEmptyIdFindsNothing) {
  Names names(4);
  EXPECT_FALSE(SlabId());
  EXPECT_EQ(names.find(SlabId()), nullptr);
  const SlabId id = names.insert("one");
  EXPECT_TRUE(id);
  EXPECT_EQ(names.find(SlabId()), nullptr);
  EXPECT_EQ(names.find({.index = 77, .generation = 1}), nullptr);
}

TEST(SlabTest, GenerationsWrapWithoutEverBeingZero) {
  Slab<int> slab(1);
  const SlabId first = slab.insert(0);
  slab.erase(first);
  for (std::uint32_t i = 1; i < (1U << 24) + 10; ++i) {
    const SlabId id = slab.insert(1);
    ASSERT_NE(id.generation, 0U);
    ASSERT_LT(id.generation, 1U << 24);
    slab.erase(id);
  }
  EXPECT_EQ(slab.find({.index = 0, .generation = 0}), nullptr);
}

TEST(SlabTest, TakesItsLimitAndNoMore) {
  Names names(2);
  names.insert("one");
  const SlabId two = names.insert("two");
  EXPECT_TRUE(names.full());
  EXPECT_DEATH(names.insert("three"), "check failed: !full");
  names.erase(two);
  EXPECT_FALSE(names.full());
  EXPECT_DEATH(names.erase(two), "check failed: find");
}

TEST(SlabTest, ErasingLetsGoOfWhatTheRecordHeld) {
  Slab<std::shared_ptr<int>> slab(2);
  auto value = std::make_shared<int>(1);
  const SlabId id = slab.insert(value);
  EXPECT_EQ(value.use_count(), 2);
  slab.erase(id);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(SlabTest, AddressesStayWhenItGrows) {
  Names names(10'000);
  const SlabId first = names.insert("first");
  const std::string* address = names.find(first);
  for (int i = 1; i < 10'000; ++i) names.insert("more");
  EXPECT_EQ(names.find(first), address);
}

TEST(SlabTest, AgreesWithAMapUnderRandomUse) {
  std::mt19937 random(1);
  Slab<int> slab(500);
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> live;
  std::vector<SlabId> gone;
  for (int step = 0; step < 50'000; ++step) {
    if (!slab.full() && (live.empty() || random() % 2 == 0)) {
      const int value = static_cast<int>(random());
      const SlabId id = slab.insert(value);
      ASSERT_TRUE(live.emplace(std::pair(id.index, id.generation), value).second);
    } else {
      auto it = live.begin();
      std::advance(it, random() % live.size());
      const SlabId id{.index = it->first.first, .generation = it->first.second};
      ASSERT_EQ(*slab.find(id), it->second);
      slab.erase(id);
      live.erase(it);
      gone.push_back(id);
    }
    ASSERT_EQ(slab.live(), live.size());
    ASSERT_TRUE(gone.empty() || slab.find(gone[random() % gone.size()]) == nullptr);
  }
  std::size_t visited = 0;
  slab.for_each([&](int) { ++visited; });
  EXPECT_EQ(visited, live.size());
}

}  // namespace
}  // namespace sluice
