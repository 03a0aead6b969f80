// The ring between one thread that emits and the one that takes events off it.
#include "engine/event/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::event {
namespace {

bool write(Ring& ring, std::string_view record, std::size_t kept_free = 0) {
  const auto room = ring.reserve(record.size(), kept_free);
  if (room.empty()) return false;
  std::ranges::copy(record, room.begin());
  ring.publish();
  return true;
}

std::string read(Ring& ring) {
  const auto record = ring.front();
  std::string text(record.data(), record.size());
  ring.pop();
  return text;
}

TEST(EventRing, GivesBackWholeRecordsAcrossItsEnd) {
  Ring ring(64);
  for (int i = 0; i < 1000; ++i) {
    const std::string first(static_cast<std::size_t>(i % 23 + 1), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(write(ring, first)) << i;
    ASSERT_FALSE(ring.empty());
    ASSERT_EQ(read(ring), first);
    ASSERT_TRUE(ring.empty());
  }
}

TEST(EventRing, TakesNothingThatHasNoRoom) {
  Ring ring(64);
  EXPECT_TRUE(write(ring, std::string(24, 'a')));  // 32 with its size
  EXPECT_FALSE(ring.half_full());
  EXPECT_TRUE(write(ring, std::string(17, 'b')));  // likewise
  EXPECT_TRUE(ring.half_full());
  EXPECT_FALSE(write(ring, "c"));
  EXPECT_EQ(read(ring), std::string(24, 'a'));
  EXPECT_TRUE(write(ring, "c"));
  EXPECT_EQ(read(ring), std::string(17, 'b'));
  EXPECT_EQ(read(ring), "c");
}

TEST(EventRing, ARecordThatMustBeContiguousWaitsForTheFront) {
  Ring ring(64);
  EXPECT_TRUE(write(ring, std::string(24, 'a')));
  EXPECT_TRUE(write(ring, std::string(8, 'b')));
  EXPECT_FALSE(write(ring, std::string(16, 'c'))) << "16 bytes are left at the end, and none at the front";
  EXPECT_EQ(read(ring), std::string(24, 'a'));
  EXPECT_TRUE(write(ring, std::string(16, 'c')));
  EXPECT_EQ(read(ring), std::string(8, 'b'));
  EXPECT_EQ(read(ring), std::string(16, 'c'));
}

TEST(EventRing, WhatIsKeptFreeIsForOthers) {
  Ring ring(64);
  EXPECT_TRUE(write(ring, std::string(8, 'a'), 32));
  EXPECT_TRUE(write(ring, std::string(8, 'b'), 32));
  EXPECT_FALSE(write(ring, std::string(8, 'c'), 32));
  EXPECT_TRUE(write(ring, std::string(8, 'd'), 0));
}

TEST(EventRing, NothingThatIsTooLargeForItIsWritten) {
  Ring ring(64);
  EXPECT_FALSE(write(ring, std::string(57, 'a')));
  EXPECT_TRUE(write(ring, std::string(56, 'a')));
}

// Run under the thread sanitizer, too.
TEST(EventRing, TwoThreadsLoseAndMixNothing) {
  constexpr std::uint64_t kRecords = 20'000;
  Ring ring(1024);
  std::thread producer([&ring] {
    for (std::uint64_t n = 0; n < kRecords; ++n) {
      // The number, again and again: 1 to 9 times.
      const std::size_t bytes = sizeof n * (n % 9 + 1);
      auto room = ring.reserve(bytes, 0);
      while (room.empty()) {
        std::this_thread::yield();
        room = ring.reserve(bytes, 0);
      }
      for (std::size_t at = 0; at < bytes; at += sizeof n) std::memcpy(room.data() + at, &n, sizeof n);
      ring.publish();
    }
  });
  for (std::uint64_t n = 0; n < kRecords; ++n) {
    while (ring.empty()) std::this_thread::yield();
    const auto record = ring.front();
    EXPECT_EQ(record.size(), sizeof n * (n % 9 + 1));
    for (std::size_t at = 0; at < record.size(); at += sizeof n) {
      std::uint64_t seen = 0;
      std::memcpy(&seen, record.data() + at, sizeof seen);
      EXPECT_EQ(seen, n);
    }
    ring.pop();
  }
  producer.join();
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace sluice::event
