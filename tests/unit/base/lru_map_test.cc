#include "engine/base/lru_map.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice {
namespace {

TEST(LruMap, RoomIsMadeByWhatWasLongestUnused) {
  LruMap<int> map;
  for (const char* key : {"a", "b", "c"}) map.insert(key, 1);
  ASSERT_NE(map.find("a"), nullptr);
  map.make_room(3);
  map.insert("d", 4);
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.find("b"), nullptr);
  for (const char* key : {"a", "c", "d"}) EXPECT_NE(map.find(key), nullptr) << key;
  map.make_room(1);
  EXPECT_TRUE(map.empty());
  map.make_room(0);  // of nothing, nothing goes
}

TEST(LruMap, AnEntryStaysWhereItIs) {
  LruMap<std::unique_ptr<std::string>> map;
  std::unique_ptr<std::string>* const first = &map.insert("first", std::make_unique<std::string>("1"));
  for (int i = 0; i < 1000; ++i) map.insert(std::to_string(i), nullptr);
  EXPECT_EQ(map.find("first"), first);
  EXPECT_EQ(**first, "1");
}

TEST(LruMap, AKeyMayBeTheEntrysOwn) {
  LruMap<std::string> map;
  std::string& value = map.insert("key", "key");
  map.erase(value);
  EXPECT_EQ(map.find("key"), nullptr);
  map.erase("key");
  map.insert("key", "again");
  EXPECT_EQ(*map.find("key"), "again");
}

TEST(LruMap, DropsWhatWasLongestUnusedAsLongAsItIsOver) {
  LruMap<int> map;
  for (int i = 0; i < 6; ++i) map.insert(std::to_string(i), i);
  const auto small = [](int value) { return value < 4; };
  map.drop_unused(2, small);
  EXPECT_EQ(map.size(), 4U);
  map.drop_unused(10, small);
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map.find("3"), nullptr);
  EXPECT_NE(map.find("4"), nullptr);
}

TEST(LruMap, IsVisitedAndThinnedOut) {
  LruMap<int> map;
  for (int i = 0; i < 5; ++i) map.insert(std::to_string(i), i);
  EXPECT_EQ(map.erase_if([](std::string_view key, int value) { return key == "2" || value > 3; }), 2U);
  std::string seen;
  map.for_each([&seen](std::string_view key, int& value) {
    seen += key;
    value = 7;
  });
  EXPECT_EQ(seen, "310");
  EXPECT_EQ(*map.find("0"), 7);
}

}  // namespace
}  // namespace sluice
