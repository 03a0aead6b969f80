#include "policy/noticing/compact_vector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

using Compact = CompactVector<std::uint16_t, 200>;

TEST(CompactVectorTest, IsWhatAVectorIs) {
  Draw draw(1);
  Compact compact;
  std::vector<std::uint16_t> plain;
  for (int i = 0; i < 20'000; ++i) {
    const auto element = static_cast<std::uint16_t>(draw.next() % 1000);
    if (draw.next() % 8 == 0) {
      const auto is_low = [limit = draw.next() % 500](std::uint16_t each) { return each < limit; };
      compact.remove_if(is_low);
      std::erase_if(plain, is_low);
    } else if (draw.next() % 50 == 0) {
      compact = Compact();
      plain.clear();
    } else if (draw.next() % 50 == 0) {
      const Compact moved = std::exchange(compact, Compact());
      ASSERT_TRUE(std::ranges::equal(moved.all(), plain));
      plain.clear();
    } else if (!compact.full()) {
      EXPECT_EQ(compact.append(element), element);
      plain.push_back(element);
    }
    ASSERT_TRUE(std::ranges::equal(compact.all(), plain));
    ASSERT_EQ(compact.size(), plain.size());
    ASSERT_EQ(compact.full(), plain.size() == 200);
  }
}

TEST(CompactVectorTest, TakesNoMoreThanAHalfBesideItsElements) {
  Compact compact;
  EXPECT_EQ(sizeof compact, 16U);
  EXPECT_EQ(compact.bytes(), 0U);
  for (std::size_t i = 1; i <= 200; ++i) {
    compact.append(1);
    EXPECT_LE(compact.bytes(), 2 * (i + std::max<std::size_t>(8, i / 2))) << i;
  }
  EXPECT_TRUE(compact.full());
  EXPECT_EQ(compact.bytes(), 400U);
}

TEST(CompactVectorTest, IsWrittenAndReadAndNoBytesMakeItTooLong) {
  Compact compact;
  for (std::uint16_t i = 0; i < 3; ++i) compact.append(i);
  std::string bytes;
  FieldWriter write(bytes);
  write(compact);
  EXPECT_EQ(bytes.size(), 7U);
  Compact read;
  read.append(77);
  FieldReader reader(bytes, /*version=*/1);
  reader(read);
  EXPECT_TRUE(reader.fine());
  EXPECT_TRUE(std::ranges::equal(read.all(), compact.all()));
  EXPECT_EQ(read.bytes(), 6U);
  bytes.front() = static_cast<char>(201);
  FieldReader too_long(bytes, /*version=*/1);
  too_long(read);
  EXPECT_FALSE(too_long.fine());
  EXPECT_LE(read.size(), 200U);
}

}  // namespace
}  // namespace sluice::noticing
