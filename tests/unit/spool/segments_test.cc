// A segment file's life, and what still needs it.
#include "engine/spool/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/memory_disk.h"

namespace sluice::spool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t kSegmentBytes = kSegmentBytesMin;
constexpr const char* kDirectory = "/spool";

class SegmentFileTest : public ::testing::Test {
 protected:
  std::string read_number(const std::string& name) {
    SegmentHead head;
    const HeadFault fault = read_segment_head(disk_.file("/spool/" + name).bytes, head);
    return fault == HeadFault::none ? std::to_string(head.number) : "none";
  }
  testing::MemoryDisk disk_;
};

TEST_F(SegmentFileTest, IsMadeFreedAndUsedAgain) {
  FreeFile file{.name = {}, .bytes = kSegmentBytes};
  const auto made = begin_segment(disk_, kDirectory, file, {.number = 5, .salt = 1});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->number, 5U);
  EXPECT_EQ(made->used, kBlockBytes);
  EXPECT_EQ(made->bytes, kSegmentBytes);
  EXPECT_THAT(disk_.names(kDirectory), ElementsAre("00000005.log"));
  EXPECT_EQ(read_number("00000005.log"), "5");
  ASSERT_TRUE(end_segment(disk_, kDirectory, 5, made->file, SegmentEnd::free));
  EXPECT_EQ(disk_.files_open(), 0U);
  EXPECT_THAT(disk_.names(kDirectory), ElementsAre("free-00000005"));
  file.name = "free-00000005";
  const auto again = begin_segment(disk_, kDirectory, file, {.number = 9, .salt = 2});
  ASSERT_TRUE(again);
  EXPECT_THAT(disk_.names(kDirectory), ElementsAre("00000009.log"));
  EXPECT_EQ(read_number("00000009.log"), "9");
}

TEST_F(SegmentFileTest, IsRemovedOrQuarantined) {
  for (const std::uint32_t number : {1U, 2U}) {
    FreeFile file{.name = {}, .bytes = kSegmentBytes};
    const auto made = begin_segment(disk_, kDirectory, file, {.number = number, .salt = 1});
    ASSERT_TRUE(made);
    ASSERT_TRUE(end_segment(disk_, kDirectory, number, made->file,
                            number == 1 ? SegmentEnd::removed : SegmentEnd::quarantined));
  }
  EXPECT_THAT(disk_.names(kDirectory), IsEmpty());
  EXPECT_TRUE(disk_.has("/spool/quarantine/00000002.log"));
}

TEST_F(SegmentFileTest, CanBeEndedAgainWhenItsNameIsGoneAlready) {
  disk_.file("/spool/free-00000005");
  EXPECT_TRUE(end_segment(disk_, kDirectory, 5, -1, SegmentEnd::free));
}

// A free file that is not what it was when it was found is another program's now.
TEST_F(SegmentFileTest, OfAFileThatWasChangedIsNotMade) {
  for (const bool linked : {false, true}) {
    testing::MemoryDisk::File& changed = disk_.file("/spool/free-00000003");
    changed.bytes.assign(linked ? kSegmentBytes : 8192, 'x');
    changed.links = linked ? 2 : 1;
    FreeFile file{.name = "free-00000003", .bytes = kSegmentBytes};
    const auto made = begin_segment(disk_, kDirectory, file, {.number = 5, .salt = 1});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().text, ::testing::HasSubstr("has been changed"));
    EXPECT_EQ(file.name, "");
    EXPECT_THAT(disk_.names(kDirectory), ElementsAre("free-00000003"));
  }
}

TEST(Segments, KnowWhatIsNeededAndWhichIsOldest) {
  Segments segments;
  EXPECT_EQ(segments.oldest(), nullptr);
  segments.add({.number = 7, .bytes = 100});
  segments.add({.number = 3, .bytes = 50});
  EXPECT_EQ(segments.oldest()->number, 3U);
  EXPECT_EQ(segments.bytes(), 150U);
  segments.need(3);
  segments.need(3);
  segments.release(3);
  EXPECT_EQ(segments.find(3)->needed, 1U);
  segments.release(3);
  segments.remove(3);
  EXPECT_EQ(segments.oldest()->number, 7U);
  EXPECT_EQ(segments.bytes(), 100U);
  EXPECT_EQ(segments.find(3), nullptr);
}

TEST(SegmentsDeathTest, DoNotLetGoOfWhatIsNeeded) {
  Segments segments;
  segments.add({.number = 3, .bytes = 50});
  EXPECT_DEATH(segments.release(3), "");
  segments.need(3);
  EXPECT_DEATH(segments.remove(3), "");
}

}  // namespace
}  // namespace sluice::spool
