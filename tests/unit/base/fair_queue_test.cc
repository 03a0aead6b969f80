// Whose item is next: a crowd of one customer's is no reason for another's to wait.
#include "engine/base/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

namespace sluice {
namespace {

struct Record {
  std::string name;
  CustomerShare share;
  FairOrder order;
};

class FairQueueTest : public ::testing::Test {
 protected:
  void push(const std::string& name, ShareNumber share, std::uint32_t size = 4096, ShareWeight weight = 1) {
    queue_.push(records_.emplace_back(Record{.name = name, .share = {.number = share, .weight = weight}, .order = {}}),
                size);
  }
  std::vector<std::string> take(std::size_t count) {
    std::vector<std::string> names;
    for (; count > 0 && !queue_.empty(); --count) {
      names.push_back(queue_.front().name);
      queue_.pop_front();
    }
    return names;
  }

  std::deque<Record> records_;  // addresses stay
  FairQueue<Record> queue_;
};

using ::testing::ElementsAre;

TEST_F(FairQueueTest, OneCustomersRecordsStayInTheirOrder) {
  push("a1", 1, 100'000);
  push("a2", 1, 10);
  push("a3", 1, 50'000);
  EXPECT_THAT(take(9), ElementsAre("a1", "a2", "a3"));
}

TEST_F(FairQueueTest, CustomersTakeTurns) {
  for (const char* name : {"a1", "a2", "a3", "a4"}) push(name, 1);
  for (const char* name : {"b1", "b2"}) push(name, 2);
  EXPECT_THAT(take(9), ElementsAre("a1", "b1", "a2", "b2", "a3", "a4"));
}

// By bytes: a customer that writes half a megabyte at a time is not before one that writes little.
TEST_F(FairQueueTest, LongRecordsComeLessOften) {
  for (const char* name : {"a1", "a2"}) push(name, 1, 500'000);
  for (const char* name : {"b1", "b2", "b3"}) push(name, 2);
  EXPECT_THAT(take(9), ElementsAre("b1", "b2", "b3", "a1", "a2"));
}

TEST_F(FairQueueTest, OneThatWeighsThreeGetsThreeTimesAsMuch) {
  for (int i = 0; i < 300; ++i) {
    push("a", 1, 4096, 3);
    push("b", 2);
    push("c", 3);
  }
  std::vector<std::string> taken = take(300);
  EXPECT_EQ(std::ranges::count(taken, "a"), 180);
  EXPECT_EQ(std::ranges::count(taken, "b"), 60);
  EXPECT_EQ(std::ranges::count(taken, "c"), 60);
}

TEST_F(FairQueueTest, AThousandRecordsPutOffAnothersByTheirWeightAtMost) {
  for (int i = 0; i < 1000; ++i) push("a", 1, 4096, 5);
  EXPECT_EQ(take(7).size(), 7U);
  push("b", 2);
  const std::vector<std::string> taken = take(6);
  EXPECT_EQ(std::ranges::count(taken, "b"), 1);
}

TEST_F(FairQueueTest, NoCustomerSavesUpTurns) {
  for (int i = 0; i < 100; ++i) push("a", 1);
  EXPECT_EQ(take(100).size(), 100U);
  // The second customer comes late, and gets no more than the first from now on.
  for (const char* name : {"b1", "b2", "b3"}) push(name, 2);
  for (const char* name : {"a1", "a2"}) push(name, 1);
  EXPECT_THAT(take(9), ElementsAre("b1", "a1", "b2", "a2", "b3"));
}

// One that has less than its part of a bound may wait though others have filled it.
TEST_F(FairQueueTest, ACrowdLeavesRoomForOthers) {
  for (int i = 0; i < 10; ++i) push("a", 1);
  EXPECT_FALSE(queue_.admits({1}, 10));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(queue_.admits({2}, 10)) << i;
    push("b", 2);
  }
  EXPECT_FALSE(queue_.admits({2}, 10));
  EXPECT_TRUE(queue_.admits({3}, 10));
  EXPECT_EQ(take(15).size(), 15U);
  EXPECT_TRUE(queue_.admits({1}, 10));
}

TEST_F(FairQueueTest, WhatIsPutBackHasTheTurnsThatItHad) {
  push("a1", 1);
  push("b1", 2);
  push("a2", 1);
  Record* const first = &queue_.front();
  queue_.pop_front();
  Record* const second = &queue_.front();
  queue_.pop_front();
  push("c1", 3);
  const std::vector<Record*> taken = {second, first};
  queue_.put_back(taken);
  EXPECT_THAT(take(9), ElementsAre("a1", "b1", "a2", "c1"));
}

}  // namespace
}  // namespace sluice
