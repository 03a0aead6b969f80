// What a start finds of room: files in reserve, where the log goes on, and how many cores can go on with it.
#include <gtest/gtest.h>

#include <algorithm>
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

// Behind the last octet that means something, a core goes on.
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
  disk_.file("/spool/free-00000009").bytes.resize(kSegmentBytesMin);
  disk_.file("/spool/free-0000000a").bytes.resize(kSegmentBytesMin);
  disk_.full = true;
  recover(4);
  std::size_t able = 0;
  for (const Share& share : shares_) {
    EXPECT_EQ(share.segments.empty(), share.free.empty());
    able += share.segments.empty() ? 0 : 1;
  }
  EXPECT_EQ(able, 2U);
  disk_.full = false;
  recover(4);
  for (const Share& share : shares_) EXPECT_EQ(share.free.size(), 1U);
}

}  // namespace
}  // namespace sluice::spool
