#include "policy/noticing/compact_map.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

// As large as what is known of an account, and with something of its own.
struct Numbered {
  std::unique_ptr<std::uint64_t> number;
  std::uint64_t rest[8] = {};
};
using Map = CompactMap<Numbered>;

// As keys of one shard are: their low bits are the same.
std::uint64_t key_of(Draw& draw, std::uint64_t different) { return Draw(draw.next() % different).next() << 6 | 5; }

TEST(CompactMapTest, IsWhatAMapIs) {
  Draw draw(1);
  Map map;
  std::unordered_map<std::uint64_t, std::uint64_t> plain;
  // Between few and some thousands, so that pages and the index come and go.
  for (const std::uint64_t different : {10, 5000, 50, 3000}) {
    for (int i = 0; i < 30'000; ++i) {
      const std::uint64_t key = key_of(draw, different);
      Numbered* const found = map.find(key);
      ASSERT_EQ(found != nullptr, plain.contains(key));
      if (found == nullptr) {
        Numbered& added = map.add(key);
        ASSERT_EQ(added.number, nullptr);
        added.number = std::make_unique<std::uint64_t>(draw.next());
        plain[key] = *added.number;
      } else {
        ASSERT_EQ(*found->number, plain.at(key));
      }
      if (draw.next() % 3 == 0) {
        const std::size_t place = draw.next() % map.size();
        plain.erase(map.entry(place).key);
        map.erase(place);
      }
      if (draw.next() % 10'000 == 0) {
        const auto is_odd = [](const auto& entry) { return entry.value.number && *entry.value.number % 2 == 1; };
        map.erase_if(is_odd);
        std::erase_if(plain, [](const auto& each) { return each.second % 2 == 1; });
      }
      ASSERT_EQ(map.size(), plain.size());
    }
    for (std::size_t place = 0; place < map.size(); ++place)
      ASSERT_EQ(*map.entry(place).value.number, plain.at(map.entry(place).key));
  }
  map.erase_if([](const auto&) { return true; });
  EXPECT_EQ(map.size(), 0U);
}

TEST(CompactMapTest, TakesAnEntryForEachAndAFewBytesMore) {
  Draw draw(2);
  Map map;
  // Newer packages of abseil have room for one in an empty set.
  EXPECT_LE(map.bytes(), 5U);
  for (std::size_t i = 1; i <= 16'384; ++i) {
    map.add(key_of(draw, std::uint64_t{1} << 60));
    if (i >= 1000) ASSERT_LE(map.bytes(), i * (sizeof(Map::Entry) + 12) + 4096 * 2) << i;
  }
  map.erase_if([](const auto& entry) { return entry.key % 16'384 != 5; });
  EXPECT_LE(map.bytes(), 16'384U * 12 + 4096 * 2);
}

}  // namespace
}  // namespace sluice::noticing
