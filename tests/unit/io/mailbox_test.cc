#include "engine/io/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::io {
namespace {

constexpr int kWriters = 4;
constexpr int kMessages = 20'000;

TEST(MailboxTest, DeliversInTheOrderOfEachWriter) {
  Mailbox mailbox;
  std::vector<int> last(kWriters, -1);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kMessages; ++i) {
        mailbox.push([&last, writer, i] {
          auto& before = last[static_cast<std::size_t>(writer)];
          EXPECT_EQ(before, i - 1);
          before = i;
        });
      }
    });
  }
  std::size_t delivered = 0;
  while (delivered < kWriters * kMessages) delivered += mailbox.deliver();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(delivered, static_cast<std::size_t>(kWriters) * kMessages);
  EXPECT_TRUE(mailbox.empty());
}

// push() looked at the message that it had just handed over, which the reader may have run and freed by
// then: ThreadSanitizer and AddressSanitizer see it here.
TEST(MailboxTest, AWriterLookedAtAMessageThatTheReaderHadFreed) {
  Mailbox mailbox;
  std::atomic<bool> ended = false;
  std::thread writer([&] {
    for (int i = 0; i < 200'000; ++i) mailbox.push([] {});
    ended = true;
  });
  while (!ended || !mailbox.empty()) mailbox.deliver();
  writer.join();
}

// A reader that sleeps when it finds the box empty is told so often that it never oversleeps.
TEST(MailboxTest, WhoeverFillsAnEmptyBoxIsToldToWakeTheReader) {
  Mailbox mailbox;
  std::atomic<int> wakes = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < kMessages; ++i) {
        if (mailbox.push([] {})) {
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
    delivered += mailbox.deliver();
  }
  for (std::thread& writer : writers) writer.join();
}

TEST(MailboxTest, AMessageMayPostAnother) {
  Mailbox mailbox;
  int runs = 0;
  mailbox.push([&] {
    ++runs;
    mailbox.push([&] { ++runs; });
  });
  EXPECT_EQ(mailbox.deliver(), 1U);
  EXPECT_EQ(mailbox.deliver(), 1U);
  EXPECT_EQ(runs, 2);
}

TEST(MailboxTest, WhatIsNeverDeliveredIsFreed) {
  auto held = std::make_shared<int>(1);
  {
    Mailbox mailbox;
    EXPECT_TRUE(mailbox.push([held] {}));
    EXPECT_FALSE(mailbox.push([held] {}));
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace sluice::io
