// The queue in front of a webhook: in order, tried again in growing intervals, bounded, and of no weight for others.
#include "engine/notify/outbox.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <semaphore>

#include "engine/io/real_platform.h"
#include "tests/unit/notify/settable_clock.h"

namespace sluice::notify {
namespace {

using namespace std::chrono_literals;
using Result = Outcome::Result;

std::shared_ptr<const OutboxItem> outbox_item(const std::string& text) {
  return std::make_shared<const OutboxItem>(OutboxItem{.id = "msg_" + text, .to = {}, .text = text});
}

// An outbox whose thread is the test.
class OutboxTest : public ::testing::Test {
 protected:
  // Answers to the tries that come, in their order; then all are delivered.
  std::deque<Outcome> answers_;
  std::vector<std::string> tried_;
  int changes_ = 0;
  SettableClock clock_;
  Outbox outbox_{3, clock_,
                 [this](const OutboxItem& item, const std::atomic<bool>& /*give_up*/) {
                   tried_.push_back(item.text);
                   if (answers_.empty()) return Outcome{};
                   Outcome answer = answers_.front();
                   answers_.pop_front();
                   return answer;
                 },
                 [this] { ++changes_; }};

  void fail(int times, Result result, const std::string& words = "503", Duration wait = 0s) {
    for (int i = 0; i < times; ++i) answers_.push_back({.result = result, .words = words, .wait = wait});
  }
  // Waits as the thread would, until nothing is left to do.  Returns the waits.
  std::vector<Duration> run_all() {
    std::vector<Duration> waits;
    for (Instant next = outbox_.step(); next != Instant::max(); next = outbox_.step()) {
      const Duration wait = next - clock_.now();
      if (wait <= 0s) continue;
      waits.push_back(wait);
      clock_.pass(wait - 1ns);
      const std::size_t tries = tried_.size();
      EXPECT_EQ(outbox_.step(), next);
      EXPECT_EQ(tried_.size(), tries) << "tried before its time";
      clock_.pass(1ns);
    }
    return waits;
  }
};

TEST_F(OutboxTest, DeliversInOrder) {
  for (const char* text : {"a", "b", "c"}) outbox_.add(outbox_item(text));
  EXPECT_TRUE(run_all().empty());
  EXPECT_EQ(tried_, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(changes_, 0);
}

TEST_F(OutboxTest, TriesFiveTimesInGrowingIntervalsAndGoesOnWithTheNext) {
  fail(5, Result::later);
  outbox_.add(outbox_item("a"));
  outbox_.add(outbox_item("b"));
  EXPECT_EQ(run_all(), (std::vector<Duration>{2s, 15s, 1min, 5min}));
  EXPECT_EQ(tried_, (std::vector<std::string>{"a", "a", "a", "a", "a", "b"}));
  EXPECT_EQ(outbox_.take_news().lost, 1U);
}

TEST_F(OutboxTest, ARefusalIsNotTriedAgain) {
  fail(1, Result::never, "400");
  outbox_.add(outbox_item("a"));
  outbox_.add(outbox_item("b"));
  EXPECT_TRUE(run_all().empty());
  EXPECT_EQ(tried_, (std::vector<std::string>{"a", "b"}));
  const Outbox::News news = outbox_.take_news();
  EXPECT_EQ(news.lost, 1U);
  EXPECT_EQ(news.lost_reason, "400");
}

TEST_F(OutboxTest, TheOtherEndMayAskForALongerWaitWithinABound) {
  fail(1, Result::later, "429", 90s);
  fail(1, Result::later, "429", 24h);
  fail(1, Result::later, "429", 1s);
  outbox_.add(outbox_item("a"));
  EXPECT_EQ(run_all(), (std::vector<Duration>{90s, kRetryWaitMax, 1min}));
  EXPECT_EQ(outbox_.take_news().lost, 0U);
}

TEST_F(OutboxTest, TellsOnceThatItFailsAndOnceThatItIsBack) {
  fail(3, Result::later);
  fail(1, Result::never);
  for (const char* text : {"a", "b", "c"}) outbox_.add(outbox_item(text));
  outbox_.step();
  Outbox::News news = outbox_.take_news();
  EXPECT_TRUE(news.failed);
  EXPECT_FALSE(news.back);
  EXPECT_EQ(news.reason, "503");
  EXPECT_EQ(news.waiting, 3U);
  for (int i = 0; i < 3; ++i) {
    clock_.pass(5min);
    outbox_.step();
    news = outbox_.take_news();
    EXPECT_FALSE(news.failed || news.back) << "try " << i + 2;
  }
  run_all();
  news = outbox_.take_news();
  EXPECT_FALSE(news.failed);
  EXPECT_TRUE(news.back);
  EXPECT_FALSE(outbox_.take_news().back);
}

TEST_F(OutboxTest, WhatHasNoRoomIsLostAndCounted) {
  for (const char* text : {"a", "b", "c", "d", "e"}) outbox_.add(outbox_item(text));
  EXPECT_EQ(outbox_.take_news().lost, 2U);
  EXPECT_EQ(outbox_.take_news().lost_reason, "its queue is full");
  run_all();
  EXPECT_EQ(tried_, (std::vector<std::string>{"a", "b", "c"}));
}

// Of the real clock: nothing in it is asserted but counts.
TEST(OutboxThread, WhatHangsKeepsNeitherWhatAddsNorAStop) {
  const auto clock = io::make_real_clock();
  std::counting_semaphore<> hangs(0);
  std::atomic<int> tries = 0;
  Outbox outbox(
      2, *clock,
      [&](const OutboxItem& /*item*/, const std::atomic<bool>& give_up) {
        ++tries;
        hangs.release();
        while (!give_up.load()) std::this_thread::sleep_for(1ms);
        return Outcome{.result = Result::later, .words = "the relay ends"};
      },
      [] {});
  outbox.start();
  outbox.add(outbox_item("a"));
  hangs.acquire();
  for (int i = 0; i < 1000; ++i) outbox.add(outbox_item("b"));
  EXPECT_EQ(outbox.take_news().lost, 999U);
  outbox.stop(10ms);
  EXPECT_EQ(tries.load(), 1);
  EXPECT_EQ(outbox.take_news().lost, 1001U);
  outbox.add(outbox_item("c"));
  EXPECT_EQ(outbox.take_news().lost, 1002U);
}

TEST(OutboxThread, AStopTriesWhatIsLeftOnce) {
  SettableClock clock;  // on which the second try never comes
  std::map<std::string, int> tries;
  std::counting_semaphore<> tried(0);
  Outbox outbox(
      10, clock,
      [&](const OutboxItem& item, const std::atomic<bool>& /*give_up*/) {
        ++tries[item.text];
        tried.release();
        return Outcome{.result = item.text == "a" ? Result::later : Result::delivered, .words = "503"};
      },
      [] {});
  outbox.start();
  outbox.add(outbox_item("a"));
  tried.acquire();  // it waits for its second try
  outbox.add(outbox_item("b"));
  outbox.stop(10s);
  EXPECT_EQ(tries["b"], 1);
  EXPECT_LE(tries["a"], 2);
  EXPECT_EQ(outbox.take_news().lost, 1U);
}

}  // namespace
}  // namespace sluice::notify
