#include "engine/base/share_parts.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr CustomerShare kLight{.number = 1, .weight = 1};
constexpr CustomerShare kHeavy{.number = 2, .weight = 3};
constexpr std::uint64_t kMost = 120;

// How much that share gets of what there is, a unit at a time.
std::uint64_t fill(ShareParts& parts, CustomerShare share) {
  std::uint64_t got = 0;
  for (; parts.admits(share, 1, kMost); ++got) parts.add(share, 1);
  return got;
}

TEST(SharePartsTest, AShareThatIsAloneMayHaveAllOfIt) {
  for (const CustomerShare share : {kLight, kHeavy}) {
    ShareParts parts;
    EXPECT_EQ(fill(parts, share), kMost);
  }
}

TEST(SharePartsTest, OneThatComesLaterHasItsPartByWeight) {
  ShareParts first;
  EXPECT_EQ(fill(first, kLight), kMost);
  EXPECT_EQ(fill(first, kHeavy), kMost / 4 * 3);
  EXPECT_FALSE(first.admits(kLight, 1, kMost));
  ShareParts second;
  EXPECT_EQ(fill(second, kHeavy), kMost);
  EXPECT_EQ(fill(second, kLight), kMost / 4);
}

TEST(SharePartsTest, WhatIsGivenBackIsForAll) {
  ShareParts parts;
  fill(parts, kHeavy);
  parts.remove(kHeavy, kMost);
  EXPECT_EQ(parts.total(), 0U);
  EXPECT_EQ(fill(parts, kLight), kMost) << "the other one counts no longer";
}

TEST(SharePartsTest, OfTwoWeightsTheLargerCountsWhileItHasAny) {
  ShareParts parts;
  parts.add({.number = 1, .weight = 2}, 10);
  parts.add(kLight, 10);
  parts.remove({.number = 1, .weight = 2}, 10);
  fill(parts, {.number = 3, .weight = 1});
  EXPECT_EQ(10 + fill(parts, kLight), kMost / 3 * 2);
}

// However many come, one after the other.
TEST(SharePartsTest, ThereIsABoundOnAllTogether) {
  ShareParts parts;
  std::uint64_t total = 0;
  for (unsigned number = 0; number < 256; ++number)
    total += fill(
        parts, {.number = static_cast<ShareNumber>(number), .weight = static_cast<ShareWeight>(1 + number * 99 / 255)});
  EXPECT_EQ(parts.total(), total);
  EXPECT_LE(total, 11 * kMost);
}

}  // namespace
}  // namespace sluice
