// Whose record is next: a crowd of one customer's is no reason for another's to wait.
#include "engine/spool/write_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace sluice::spool {
namespace {

struct Record {
  std::string name;
  std::uint32_t size = 0;
  ShareNumber share = 0;
  WriteOrder order;
  [[nodiscard]] std::uint32_t bytes() const { return size; }
};

class WriteQueueTest : public ::testing::Test {
 protected:
  void push(const std::string& name, ShareNumber share, std::uint32_t size = 4096) {
    queue_.push(records_.emplace_back(Record{.name = name, .size = size, .share = share, .order = {}}));
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
  WriteQueue<Record> queue_;
};

using ::testing::ElementsAre;

TEST_F(WriteQueueTest, OneCustomersRecordsStayInTheirOrder) {
  push("a1", 1, 100'000);
  push("a2", 1, 10);
  push("a3", 1, 50'000);
  EXPECT_THAT(take(9), ElementsAre("a1", "a2", "a3"));
}

TEST_F(WriteQueueTest, CustomersTakeTurns) {
  for (const char* name : {"a1", "a2", "a3", "a4"}) push(name, 1);
  for (const char* name : {"b1", "b2"}) push(name, 2);
  EXPECT_THAT(take(9), ElementsAre("a1", "b1", "a2", "b2", "a3", "a4"));
}

// By bytes: who writes half a megabyte at a time is not before who writes little.
TEST_F(WriteQueueTest, LongRecordsComeLessOften) {
  for (const char* name : {"a1", "a2"}) push(name, 1, 500'000);
  for (const char* name : {"b1", "b2", "b3"}) push(name, 2);
  EXPECT_THAT(take(9), ElementsAre("b1", "b2", "b3", "a1", "a2"));
}

TEST_F(WriteQueueTest, NobodySavesUpTurns) {
  for (int i = 0; i < 100; ++i) push("a", 1);
  EXPECT_EQ(take(100).size(), 100U);
  // The second customer comes late, and gets no more than the first from now on.
  for (const char* name : {"b1", "b2", "b3"}) push(name, 2);
  for (const char* name : {"a1", "a2"}) push(name, 1);
  EXPECT_THAT(take(9), ElementsAre("b1", "a1", "b2", "a2", "b3"));
}

TEST_F(WriteQueueTest, WhatIsPutBackHasTheTurnsThatItHad) {
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
}  // namespace sluice::spool
