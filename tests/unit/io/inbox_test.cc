#include "engine/io/inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::io {
namespace {

constexpr int kWriters = 4;
constexpr int kMessages = 20'000;

TEST(InboxTest, DeliversInTheOrderOfEachWriter) {
  Inbox inbox;
  std::vector<int> last(kWriters, -1);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kMessages; ++i) {
        inbox.push([&last, writer, i] {
          auto& before = last[static_cast<std::size_t>(writer)];
          EXPECT_EQ(before, i - 1);
          before = i;
        });
      }
    });
  }
  std::size_t delivered = 0;
  while (delivered < kWriters * kMessages) delivered += inbox.deliver();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(delivered, static_cast<std::size_t>(kWriters) * kMessages);
  EXPECT_TRUE(inbox.empty());
}

// push() looked at the message that it had just handed over, which the reader may have run and freed by
// then: ThreadSanitizer and AddressSanitizer see it here.
TEST(InboxTest, AWriterLookedAtAMessageThatTheReaderHadFreed) {
  Inbox inbox;
  std::atomic<bool> ended = false;
  std::thread writer([&] {
    for (int i = 0; i < 200'000; ++i) inbox.push([] {});
    ended = true;
  });
  while (!ended || !inbox.empty()) inbox.deliver();
  writer.join();
}

// A reader that sleeps when it finds the box empty is woken so often that it never oversleeps.
TEST(InboxTest, ThePushIntoAnEmptyBoxHasToWakeTheReader) {
  Inbox inbox;
  std::atomic<int> wakes = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < kMessages; ++i) {
        if (inbox.push([] {})) {
          ++wakes;
          wakes.notify_one();
        }
      }
    });
  }
  std::size_t delivered = 0;
  int seen = 0;
  while (delivered < kWriters * kMessages) {
    wakes.wait(seen);  // would sleep for ever if a wake-up were missing
    seen = wakes;
    delivered += inbox.deliver();
  }
  for (std::thread& writer : writers) writer.join();
}

TEST(InboxTest, AMessageMayPostAnother) {
  Inbox inbox;
  int runs = 0;
  inbox.push([&] {
    ++runs;
    inbox.push([&] { ++runs; });
  });
  EXPECT_EQ(inbox.deliver(), 1U);
  EXPECT_EQ(inbox.deliver(), 1U);
  EXPECT_EQ(runs, 2);
}

TEST(InboxTest, WhatIsNeverDeliveredIsFreed) {
  auto held = std::make_shared<int>(1);
  {
    Inbox inbox;
    EXPECT_TRUE(inbox.push([held] {}));
    EXPECT_FALSE(inbox.push([held] {}));
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace sluice::io
