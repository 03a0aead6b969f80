// The accounting by itself: what it accepts can always be tried, cleaned and ended within the files that are there.
#include "engine/spool/room.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "engine/spool/index.h"
#include "engine/spool/segments.h"

namespace sluice::spool {
namespace {

constexpr std::uint32_t kRoomSegmentBytes = 8U << 20;
constexpr std::uint64_t kWritable = kRoomSegmentBytes - kBlockBytes;

TEST(Room, WithoutFilesTakesNothingAndNeedsSome) {
  Room room(kRoomSegmentBytes);
  EXPECT_TRUE(room.needs_file());
  EXPECT_FALSE(room.takes(Purpose::mail, 0));
  EXPECT_FALSE(room.takes(Purpose::report, 0));
  EXPECT_FALSE(room.promise(1));
  EXPECT_FALSE(room.gains_by_cleaning());
}

// One for what comes, one for the cleaner.
TEST(Room, TakesMailFromTheSecondFileOn) {
  Room room(kRoomSegmentBytes);
  room.add_file(kRoomSegmentBytes, kWritable);
  EXPECT_FALSE(room.takes(Purpose::mail, 0));
  EXPECT_FALSE(room.promise(1));
  room.add_file(kRoomSegmentBytes, kWritable);
  EXPECT_TRUE(room.takes(Purpose::mail, 100'000));
  EXPECT_TRUE(room.promise(100'000));
  room.redeem(100'000);
}

TEST(Room, GoesWithoutInTurn) {
  Room room(kRoomSegmentBytes);
  for (int i = 0; i < 4; ++i) room.add_file(kRoomSegmentBytes, kWritable);
  // What was written is dead, and comes back only by cleaning.
  std::uint64_t mail = 0, reports = 0, outcomes = 0;
  for (std::uint64_t written = 0; written < 4 * kWritable; written += kBlockBytes) {
    mail = room.takes(Purpose::mail, 1) ? written : mail;
    reports = room.takes(Purpose::report, 1) ? written : reports;
    if (room.promise(1)) {
      outcomes = written;
      room.redeem(1);
    }
    room.use(kBlockBytes);
  }
  EXPECT_LT(mail, reports);
  EXPECT_LT(reports, outcomes);
  EXPECT_LT(outcomes, 3 * kWritable);
}

TEST(Room, TakesLongStatusesOnlyBesideWhatIsReserved) {
  Room room(kRoomSegmentBytes);
  for (int i = 0; i < 4; ++i) room.add_file(kRoomSegmentBytes, kWritable);
  EXPECT_TRUE(room.takes_status(50'000, 0));
  while (room.takes(Purpose::mail, 10'000)) room.keep(10'000);
  EXPECT_FALSE(room.takes_status(50'000, 0));
  EXPECT_TRUE(room.takes_status(100, 100)) << "in the place of another one";
  EXPECT_TRUE(room.promise(12'000)) << "for the shortest form";
  room.redeem(12'000);
}

TEST(Room, SparesOnlyAFileThatIsNotWantedAgainSoon) {
  Room room(kRoomSegmentBytes);
  int files = 0;
  while (!room.can_spare(kRoomSegmentBytes) && files < 20) {
    room.add_file(kRoomSegmentBytes, kWritable);
    ++files;
  }
  EXPECT_LE(files, 5);
  room.remove_file(kRoomSegmentBytes, kWritable);
  EXPECT_FALSE(room.needs_file());
}

TEST(RoomDeathTest, IsNotUsedTwice) {
  Room room(kRoomSegmentBytes);
  room.add_file(kRoomSegmentBytes, kWritable);
  EXPECT_DEATH(room.use(kWritable + 1), "");
  EXPECT_DEATH(room.release(1), "");
  EXPECT_DEATH(room.release_status(1), "");
  EXPECT_DEATH(room.redeem(1), "");
  EXPECT_DEATH(room.unqueue(1), "");
}

// A log of records without bytes: messages that have a status or not, in segments; each write a block of its own, as
// bad as it can be, but for those of the cleaner.
class Model {
 public:
  Model(std::size_t files, std::uint64_t seed) : room_(kRoomSegmentBytes), random_(seed) {
    for (std::size_t i = 0; i < files; ++i) room_.add_file(kRoomSegmentBytes, kWritable);
    free_ = files - 1;
    log_.emplace_back();
  }
  void fill() {
    for (;;) {
      const std::uint64_t record = 300 + random_() % 30'000;
      const std::uint64_t kept =
          std::uint64_t{kilobytes_of(frame_bytes(static_cast<std::uint32_t>(record)), {}, 1)} * 1024;
      if (!room_.takes(Purpose::mail, kept)) break;
      room_.keep(kept);
      messages_.push_back({.record = record, .kept = kept});
      write(messages_.size() - 1, record, /*alone=*/true);
    }
  }
  // An attempt for some message: a status, or its end.  False: there is no room, and cleaning does not help.
  bool attempt(std::size_t which, bool ends) {
    Message& message = messages_[which];
    while (!room_.promise(kPromised))
      if (!room_.gains_by_cleaning() || !clean_oldest()) return false;
    if (ends) {
      room_.release(message.kept);
      room_.release_status(std::exchange(message.status, 0));
      message.kept = 0;
      write(kNone, kFrameHeaderBytes, true);
    } else {
      const std::uint64_t longest = 200 + random_() % 20'000;
      const std::uint64_t bytes = room_.takes_status(longest, message.status) ? longest : kBare;
      room_.release_status(std::exchange(message.status, bytes));
      room_.keep_status(bytes);
      write(kNone, bytes, true);
    }
    room_.redeem(kPromised);
    return true;
  }
  [[nodiscard]] std::vector<std::size_t> left() const {
    std::vector<std::size_t> ids;
    for (std::size_t i = 0; i < messages_.size(); ++i)
      if (messages_[i].kept > 0) ids.push_back(i);
    return ids;
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  static constexpr std::uint64_t kBare = 96;
  static constexpr std::uint64_t kPromised = 3 * kBlockBytes;
  struct Message {
    std::uint64_t record = 0;
    std::uint64_t kept = 0;    // 0: it has ended
    std::uint64_t status = 0;  // by itself
    std::uint64_t within = 0;  // of the record: the status that it was copied with
  };
  struct Segment {
    std::uint64_t used = 0;
    std::vector<std::size_t> messages;
  };

  void write(std::size_t which, std::uint64_t bytes, bool alone) {
    if (alone) bytes = (bytes + 64 + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    if (log_.back().used + bytes > kWritable) {
      room_.use(kWritable - log_.back().used);
      ASSERT_GT(free_, 0U) << "the promise was not kept";
      --free_;
      log_.emplace_back();
    }
    log_.back().used += bytes;
    if (which != kNone) log_.back().messages.push_back(which);
    room_.use(bytes);
  }
  bool clean_oldest() {
    if (log_.size() == 1) return false;
    for (const std::size_t which : std::exchange(log_.front().messages, {})) {
      Message& message = messages_[which];
      if (message.kept == 0) continue;
      if (message.status > 0) {
        message.record = message.record - message.within + message.status;
        message.within = message.status;
        room_.release_status(std::exchange(message.status, 0));
        room_.release(message.kept);
        message.kept =
            std::uint64_t{kilobytes_of(frame_bytes(static_cast<std::uint32_t>(message.record)), {}, 1)} * 1024;
        room_.keep(message.kept);
      }
      write(which, message.record + message.record / 70, false);
    }
    log_.pop_front();
    ++free_;
    room_.refill(kRoomSegmentBytes);
    return true;
  }

  Room room_;
  std::mt19937_64 random_;
  std::size_t free_ = 0;
  std::deque<Segment> log_;
  std::vector<Message> messages_;
};

TEST(Room, KeepsItsPromisesHoweverOftenAttemptsFail) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Model model(3 + seed % 12, seed);
    model.fill();
    std::vector<std::size_t> left = model.left();
    ASSERT_GT(left.size(), 20U);
    for (int round = 0; round < 6; ++round) {
      std::ranges::shuffle(left, random);
      for (const std::size_t which : left) ASSERT_TRUE(model.attempt(which, /*ends=*/false)) << "round " << round;
      if (::testing::Test::HasFailure()) return;
    }
    std::ranges::shuffle(left, random);
    for (const std::size_t which : left) ASSERT_TRUE(model.attempt(which, /*ends=*/true));
    EXPECT_TRUE(model.left().empty());
  }
}

}  // namespace
}  // namespace sluice::spool
