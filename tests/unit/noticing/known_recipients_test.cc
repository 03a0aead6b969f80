#include "policy/noticing/known_recipients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

TEST(KnownRecipientsTest, WhatWasAddedIsKnown) {
  KnownRecipients known;
  Draw draw(1);
  std::vector<std::uint64_t> addresses;
  for (std::size_t i = 0; i < kKnownRecipientsMax; ++i) {
    addresses.push_back(draw.next());
    known.add(addresses.back());
    for (const std::uint64_t address : addresses) {
      if (i % 500 == 0) ASSERT_FALSE(known.add(address));
    }
  }
  for (const std::uint64_t address : addresses) {
    EXPECT_TRUE(known.knows(address));
    EXPECT_FALSE(known.add(address));
  }
}

TEST(KnownRecipientsTest, WhatIsAskedForStaysAsItWas) {
  KnownRecipients known;
  EXPECT_FALSE(known.knows(1ULL << 48));
  EXPECT_FALSE(known.knows(1ULL << 48));
  EXPECT_EQ(known.size(), 0U);
  EXPECT_TRUE(known.add(1ULL << 48));
  EXPECT_TRUE(known.knows(1ULL << 48));
  EXPECT_FALSE(known.knows(2ULL << 48));
}

TEST(KnownRecipientsTest, AStrangerIsTakenForKnownAsSeldomAsIsSaid) {
  KnownRecipients known;
  Draw draw(2);
  while (known.size() < 500) known.add(draw.next());
  int wrong = 0;
  for (int i = 0; i < 2000; ++i) {
    KnownRecipients fresh;
    for (int j = 0; j < 500; ++j) fresh.add(draw.next());
    wrong += fresh.add(draw.next()) ? 0 : 1;
  }
  // 500 / 65,536 of 2,000 are 15.
  EXPECT_LE(wrong, 35);
}

TEST(KnownRecipientsTest, TakesTwoBytesForEachAndAQuarterOfRoom) {
  KnownRecipients known;
  Draw draw(3);
  EXPECT_EQ(known.bytes(), 0U);
  while (known.size() < 40) known.add(draw.next());
  EXPECT_EQ(known.bytes(), 80U);
  for (std::size_t size = 41; size < kKnownRecipientsMax; ++size) {
    while (known.size() < size) known.add(draw.next());
    ASSERT_LE(known.bytes(), 2 * (size + std::max<std::size_t>(7, size / 4)));
    // A class of size, as mimalloc and jemalloc have them: at most three bits.
    ASSERT_EQ(known.bytes() % (std::bit_floor(known.bytes()) / 4), 0U);
  }
  while (known.size() < kKnownRecipientsMax) known.add(draw.next());
  for (int i = 0; i < 10'000; ++i) known.add(draw.next());
  EXPECT_EQ(known.size(), kKnownRecipientsMax);
  EXPECT_EQ(known.bytes(), 2 * kKnownRecipientsMax);
}

TEST(KnownRecipientsTest, WhenFullANewOneTakesThePlaceOfOneOther) {
  KnownRecipients known;
  std::set<std::uint64_t> keys;
  for (std::uint64_t key = 1; keys.size() < kKnownRecipientsMax; key += 3) {
    keys.insert(key);
    EXPECT_TRUE(known.add(key << 48));
  }
  Draw draw(4);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t fresh = 1 + 3 * (draw.next() % 20'000) + 1;
    if (!known.add(fresh << 48)) continue;
    ASSERT_FALSE(known.add(fresh << 48)) << fresh;
    ASSERT_EQ(known.size(), kKnownRecipientsMax);
  }
  int forgotten = 0;
  KnownRecipients again;
  for (const std::uint64_t key : keys) forgotten += known.add(key << 48) ? 1 : 0;
  // Each that is added anew forgets another.
  EXPECT_GE(forgotten, 250);
  EXPECT_LE(forgotten, 700);
}

}  // namespace
}  // namespace sluice::noticing
