// What a start finds of room: files in reserve, where the log goes on, and how many cores can go on with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "tests/unit/spool/recovering.h"

namespace sluice::spool {
namespace {

// What was ready when the relay ended is its reserve, and needs nothing of a full disk.
TEST_F(RecoveryTest, SegmentsThatNothingWasWrittenToAreFree) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  for (const std::uint32_t number : {2U, 3U}) {
    SegmentText ready(number);
    disk_.file("/spool/" + segment_name(number)).bytes = ready.file();
    disk_.file("/spool/" + segment_name(number)).bytes.resize(kSegmentBytesMin);
  }
  disk_.full = true;
  EXPECT_EQ(recover(), (Found{{10, 0}}));
  EXPECT_EQ(error_, "");
  EXPECT_EQ(shares_[0].segments.size(), 1U);
  EXPECT_EQ(shares_[0].free.size(), 2U);
  EXPECT_EQ(last_segment_, 3U);
}

// Behind the last byte that means something, a core goes on.
TEST_F(RecoveryTest, KnowsWhereASegmentEnds) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  const std::uint32_t end = first.end();
  disk_.file("/spool/00000001.log").bytes.resize(kSegmentBytesMin);
  recover();
  EXPECT_EQ(shares_[0].segments[0].used, end);
  EXPECT_TRUE(shares_[0].segments[0].writable);
  // A write that was cut short is left as it is.
  first.message(11, 9000);
  std::string torn = first.file().substr(end);
  std::fill(torn.begin() + 1024, torn.end(), '\0');
  disk_.file("/spool/00000001.log").bytes.replace(end, torn.size(), torn);
  recover();
  EXPECT_EQ(counts_.cut_short, 1U);
  EXPECT_GT(shares_[0].segments[0].used, end);
}

// On a full disk a core without a file to copy to could not go on.
TEST_F(RecoveryTest, SegmentsGoToNoMoreCoresThanThereAreFilesFor) {
  for (std::uint32_t number = 1; number <= 6; ++number) {
    SegmentText segment(number);
    segment.message(number);
    segment.put_on(disk_, kDirectory);
  }
  for (std::uint32_t number = 9; number <= 12; ++number)
    disk_.file("/spool/" + free_name(number)).bytes.resize(kSegmentBytesMin);
  disk_.full = true;
  recover(4);
  std::size_t able = 0;
  for (const Share& share : shares_) {
    EXPECT_EQ(share.segments.empty(), share.free.empty());
    if (!share.segments.empty()) EXPECT_GE(share.free.size(), 2U);
    able += share.segments.empty() ? 0 : 1;
  }
  EXPECT_EQ(able, 2U);
}

// Space was counted as a core's that others took before the core asked for it; its mail was never delivered.
TEST_F(RecoveryTest, CoresDoNotRelyOnSpaceThatOthersMayTake) {
  for (std::uint32_t number = 1; number <= 6; ++number) {
    SegmentText segment(number);
    segment.message(number);
    segment.put_on(disk_, kDirectory);
  }
  recover(4);
  for (const Share& share : shares_) {
    EXPECT_FALSE(share.segments.empty());
    EXPECT_GE(share.free.size(), 2U);
  }
}

// The core with many segments got all of the files, and the one with few never sent a message again.
TEST_F(RecoveryTest, EachCoreWithSegmentsGetsTwoFilesBeforeAnyGetsThree) {
  SegmentText early(1);
  for (QueueId id = 1; id <= 6; ++id) early.message(id);
  early.put_on(disk_, kDirectory);
  for (std::uint32_t number = 2; number <= 7; ++number) {
    // Joined to the first by a status of its message.
    SegmentText later(number);
    later.status(number - 1, 1);
    later.put_on(disk_, kDirectory);
  }
  SegmentText other(8);
  other.message(100);
  other.put_on(disk_, kDirectory);
  for (std::uint32_t number = 9; number <= 12; ++number)
    disk_.file("/spool/" + free_name(number)).bytes.resize(kSegmentBytesMin);
  disk_.full = true;
  recover(2);
  for (const Share& share : shares_) {
    EXPECT_FALSE(share.segments.empty());
    EXPECT_EQ(share.free.size(), 2U);
  }
}

// ------------------------------------------------------------------------------------------ names

// It was taken for a file to be used again, and written over, with the mail in it.
TEST_F(RecoveryTest, RefusesASegmentThatWasRenamed) {
  SegmentText first(1);
  first.message(10);
  disk_.file("/spool/00000050.log").bytes = first.file();
  recover();
  EXPECT_EQ(error_,
            "/spool/00000050.log: was written as 00000001.log and renamed since, so that it is not known what in it "
            "was delivered; "
            "give it that name where no file has it, or move it out of the spool");
  EXPECT_THAT(disk_.names(kDirectory), ::testing::ElementsAre("00000050.log"));
  const auto examined = Recovery::examine(disk_, kDirectory, [](const std::string&) {});
  ASSERT_FALSE(examined);
  EXPECT_EQ(examined.error().text, error_);
}

TEST_F(RecoveryTest, RefusesSegmentsThatChangedTheirNames) {
  for (const std::uint32_t number : {1U, 2U}) {
    SegmentText segment(number);
    segment.message(number);
    disk_.file("/spool/" + segment_name(3 - number)).bytes = segment.file();
  }
  recover();
  EXPECT_THAT(error_, ::testing::HasSubstr("00000001.log: was written as 00000002.log"));
}

// The next segment would have had the number 0, and stopped the relay.
TEST_F(RecoveryTest, NumbersThatNoSegmentCanHaveAreNotCounted) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  disk_.file("/spool/free-ffffffff").bytes.assign(kSegmentBytesMin, '\0');
  EXPECT_EQ(recover(), (Found{{10, 0}}));
  EXPECT_EQ(last_segment_, 1U);
  EXPECT_THAT(notes_, ::testing::ElementsAre(::testing::HasSubstr("free-ffffffff: no segment has such a number")));
  disk_.file("/spool/ffffffff.log").bytes.assign(kSegmentBytesMin, '\0');
  recover();
  EXPECT_THAT(error_, ::testing::HasSubstr("ffffffff.log: no segment has such a number"));
}

TEST(BeginSegment, FailsWhereTheNumbersAreUsedUp) {
  testing::MemoryDisk disk;
  FreeFile file{.name = {}, .bytes = kSegmentBytesMin};
  for (const std::uint32_t number : {0U, kSegmentNumberMax + 1})
    EXPECT_EQ(begin_segment(disk, "/spool", file, {.number = number}).error().error, EOVERFLOW);
}

}  // namespace
}  // namespace sluice::spool
