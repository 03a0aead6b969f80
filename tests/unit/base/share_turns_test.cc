#include "engine/base/share_turns.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sluice {
namespace {

struct Item : InTurn {
  int number = 0;
};

class ShareTurnsTest : public ::testing::Test {
 protected:
  // A tenth of an item's number is its share.
  Item& push(int number) { return push(number, 1); }
  Item& push(int number, ShareWeight weight) {
    Item& item = items_[used_++];
    item.number = number;
    item.share = {.number = static_cast<ShareNumber>(number / 10), .weight = weight};
    turns_.push(item);
    return item;
  }
  std::vector<int> pop(std::size_t most = SIZE_MAX) {
    std::vector<int> order;
    while (!turns_.empty() && order.size() < most) order.push_back(static_cast<Item&>(turns_.pop()).number);
    return order;
  }

  ShareTurns turns_;
  std::array<Item, 1200> items_;
  std::size_t used_ = 0;
};

TEST_F(ShareTurnsTest, OneShareIsInItsOrder) {
  for (const int number : {11, 12, 13}) push(number);
  EXPECT_EQ(pop(), (std::vector{11, 12, 13}));
  push(14);
  EXPECT_EQ(pop(), (std::vector{14}));
}

TEST_F(ShareTurnsTest, SharesTakeTurns) {
  for (const int number : {11, 12, 13, 14, 21, 22, 31}) push(number);
  EXPECT_EQ(pop(), (std::vector{11, 21, 31, 12, 22, 13, 14}));
}

TEST_F(ShareTurnsTest, EachShareHasAsManyTurnsInARowAsItWeighs) {
  for (const int number : {11, 12, 13, 14, 15}) push(number, 3);
  for (const int number : {21, 22, 31, 32}) push(number);
  EXPECT_EQ(pop(), (std::vector{11, 12, 13, 21, 31, 14, 15, 22, 32}));
}

TEST_F(ShareTurnsTest, OfThreeHundredTurnsOneThatWeighsThreeHasThreeTimesThoseOfOne) {
  for (int i = 0; i < 300; ++i) {
    push(10, 3);
    push(20);
    push(30);
  }
  std::array<int, 4> turns{};
  for (const int number : pop(300)) ++turns.at(static_cast<std::size_t>(number / 10));
  EXPECT_EQ(turns, (std::array{0, 180, 60, 60}));
}

TEST_F(ShareTurnsTest, AThousandItemsPutOffAnothersByTheirWeightAtMost) {
  for (int i = 0; i < 1000; ++i) push(10, 5);
  EXPECT_EQ(pop(7).size(), 7U);  // alone it uses up no turns
  push(21);
  EXPECT_EQ(pop(6), (std::vector{10, 10, 10, 10, 10, 21}));
}

// Two customers may have one number.
TEST_F(ShareTurnsTest, OfTwoWeightsTheLargerCountsWhileBothWait) {
  for (const int number : {11, 12}) push(number, 1);
  for (const int number : {13, 14, 15}) push(number, 2);
  for (const int number : {21, 22, 23}) push(number);
  EXPECT_EQ(pop(), (std::vector{11, 21, 12, 13, 22, 14, 15, 23}));
  for (const int number : {11, 12, 21}) push(number);
  EXPECT_EQ(pop(), (std::vector{11, 21, 12}));
}

TEST_F(ShareTurnsTest, WhatComesMeanwhileGoesBehindTheOthersTurns) {
  for (const int number : {11, 12, 21}) push(number);
  EXPECT_EQ(pop(1), (std::vector{11}));
  push(31);
  push(22);
  EXPECT_EQ(pop(), (std::vector{21, 12, 31, 22}));
}

TEST_F(ShareTurnsTest, TheHighestShareIsOneAsWell) {
  Item last;
  last.share.number = 255;
  last.number = 9999;
  push(11);
  turns_.push(last);
  EXPECT_EQ(pop(), (std::vector{11, 9999}));
}

TEST_F(ShareTurnsTest, TakesOutAnyAndLeavesTheOthersInTheirTurns) {
  const Item& first = push(11);
  push(12);
  const Item& only = push(21);
  push(31);
  const Item& last = push(32);
  EXPECT_TRUE(turns_.remove(only));
  EXPECT_FALSE(turns_.remove(only));
  EXPECT_TRUE(turns_.remove(last));
  EXPECT_TRUE(turns_.remove(first));
  push(33);  // behind the one that is the last now
  push(22);  // the share that was taken out comes again
  EXPECT_EQ(pop(), (std::vector{12, 31, 22, 33}));
}

TEST_F(ShareTurnsTest, TheOnlyOneCanBeTakenOut) {
  const Item& only = push(21);
  EXPECT_TRUE(turns_.remove(only));
  EXPECT_TRUE(turns_.empty());
  push(31);
  EXPECT_EQ(pop(), (std::vector{31}));
}

TEST_F(ShareTurnsTest, TheLastShareCanBeTakenOut) {
  push(11);
  const Item& last = push(21);
  EXPECT_TRUE(turns_.remove(last));
  push(31);
  EXPECT_EQ(pop(), (std::vector{11, 31}));
}

}  // namespace
}  // namespace sluice
