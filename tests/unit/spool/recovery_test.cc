// What a start finds in segments that were made by hand: the latest word on every message, whatever is damaged, missing
// or left over.
#include "engine/spool/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/base/crc32c.h"
#include "tests/unit/spool/recovering.h"

namespace sluice::spool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ------------------------------------------------------------------------------------------ the latest word

TEST_F(RecoveryTest, OfAnEmptyDirectoryIsNothing) {
  EXPECT_EQ(recover(3), Found());
  EXPECT_EQ(shares_.size(), 3U);
  EXPECT_EQ(last_segment_, 0U);
}

TEST_F(RecoveryTest, FindsMessagesWithTheirLatestStatus) {
  SegmentText first(1);
  first.message(10);
  first.message(11);
  first.message(12);
  first.sync();
  first.status(11, 1);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.status(11, 2);
  second.status(12, 7);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 0}, {11, 2}, {12, 7}}));
  EXPECT_EQ(stored_.at(10).envelope.id, message::queue_id_text(10));
  EXPECT_EQ(stored_.at(10).envelope.recipients.front().forward_path, "recipient0@example.org");
  EXPECT_EQ(counts_.messages, 3U);
  EXPECT_EQ(counts_.segments, 2U);
  EXPECT_EQ(last_id_, 12U);
  EXPECT_EQ(last_segment_, 2U);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(RecoveryTest, LeavesOutWhatIsDone) {
  SegmentText first(1);
  for (const QueueId id : {10U, 11U, 12U}) first.message(id);
  first.done(11);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.done(12);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 0}}));
}

TEST_F(RecoveryTest, NothingBehindTheEndBringsAMessageBack) {
  SegmentText first(1);
  first.message(10);
  first.done(10);
  first.status(10, 4);  // was on its way when the message was finished
  first.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), Found());
}

TEST_F(RecoveryTest, StatusOrEndOfAMessageThatIsGoneIsNothing) {
  SegmentText second(2);
  second.status(10, 4);
  second.done(11);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), Found());
  EXPECT_EQ(last_id_, 11U);
}

TEST_F(RecoveryTest, TheNewestCopyCounts) {
  SegmentText first(1);
  first.message(10, 100, 0);
  first.status(10, 1);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.message(10, 100, 1);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 1}}));
  EXPECT_EQ(shares_[0].index.at(10).message.segment, 2U);
  EXPECT_EQ(counts_.messages, 1U);
  SegmentText third(3);
  third.status(10, 2);
  third.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 2}}));
}

TEST_F(RecoveryTest, OfACopyWhoseOriginalIsDoneIsNothing) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.message(10);
  second.done(10);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), Found());
}

// ------------------------------------------------------------------------------------------ pieces

TEST_F(RecoveryTest, FindsThePiecesOfLongMessages) {
  SegmentText first(1);
  const Location one = first.piece(10, 0, 5000);
  const Location other = first.piece(11, 0, 100);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  const Location two = second.piece(10, 5000, 5000);
  second.sync();
  second.message(10, {one, two}, 12'000);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 0}}));
  EXPECT_THAT(shares_[0].pieces.at(10), ElementsAre(one, two));
  EXPECT_EQ(shares_[0].index.at(10).kilobytes, 12U + 1U) << "with the room for its outcome";
  static_cast<void>(other);
}

TEST_F(RecoveryTest, MessageWithoutAPieceIsQuarantined) {
  SegmentText first(1);
  const Location one = first.piece(10, 0, 5000);
  first.sync();
  const Location two = first.piece(10, 5000, 5000);
  first.sync();
  first.message(10, {one, two}, 12'000);
  first.sync();
  first.message(11);
  first.put_on(disk_, kDirectory);
  std::string& file = disk_.file("/spool/00000001.log").bytes;
  file[one.offset + 100] ^= 1;
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_EQ(counts_.lost_pieces, 1U);
  EXPECT_EQ(counts_.damaged, 1U);
  const std::string name = message::queue_id_text(10);
  EXPECT_THAT(quarantined(name + ".txt"), HasSubstr("some of its content is not there"));
  EXPECT_EQ(quarantined(name + ".1.octets"), content_of(10, 10'000).substr(5000));
  EXPECT_THAT(notes_, UnorderedElementsAre(HasSubstr("does not check"), HasSubstr("some of its content")));
}

TEST_F(RecoveryTest, PieceOfAnotherMessageDoesNotFillTheGap) {
  SegmentText first(1);
  const Location one = first.piece(99, 0, 5000);
  first.message(10, {one}, 6000);
  first.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), Found());
  EXPECT_EQ(counts_.lost_pieces, 1U);
}

// A message that was being copied forward when a place of the copy was damaged: the original is still whole.
TEST_F(RecoveryTest, OlderCopyCountsWhereTheNewerOneLacksAPiece) {
  SegmentText first(1);
  const Location old_piece = first.piece(10, 0, 5000);
  first.message(10, {old_piece}, 6000, 0);
  first.status(10, 1);
  first.sync();
  first.message(11);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  const Location new_piece = second.piece(10, 0, 5000);
  second.sync();
  const Location copy = second.message(10, {new_piece}, 6000, 1);
  second.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 1}, {11, 0}}));
  EXPECT_EQ(shares_[0].index.at(10).message, copy);
  disk_.file("/spool/00000002.log").bytes[new_piece.offset + 40] ^= 1;
  EXPECT_EQ(recover(), (Found{{10, 1}, {11, 0}}));
  EXPECT_THAT(shares_[0].pieces.at(10), ElementsAre(old_piece));
  EXPECT_EQ(shares_[0].index.at(10).message.segment, 1U);
  EXPECT_TRUE(shares_[0].index.at(10).status.present());
  EXPECT_EQ(counts_.lost_pieces, 0U);
}

TEST_F(RecoveryTest, OlderCopyCountsWhereTheNewerOneIsDamaged) {
  SegmentText first(1);
  first.message(10, 100, 0);
  first.status(10, 1);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  const Location copy = second.message(10, 100, 1);
  second.sync();
  second.status(10, 2);
  second.put_on(disk_, kDirectory);
  disk_.file("/spool/00000002.log").bytes[copy.offset + 40] ^= 1;
  EXPECT_EQ(recover(), (Found{{10, 2}}));
  EXPECT_EQ(shares_[0].index.at(10).message.segment, 1U);
}

// ------------------------------------------------------------------------------------------ damage

TEST_F(RecoveryTest, DamageIsQuarantinedWithTheReasonAndTheRestGoesOn) {
  SegmentText first(1);
  first.message(10);
  const Location victim = first.message(11);
  first.message(12);
  first.sync();
  first.message(13);
  first.put_on(disk_, kDirectory);
  std::string& file = disk_.file("/spool/00000001.log").bytes;
  file[victim.offset + 60] ^= 4;
  EXPECT_EQ(recover(), (Found{{10, 0}, {12, 0}, {13, 0}}));
  EXPECT_EQ(counts_.damaged, 1U);
  const std::string name = "00000001.log." + std::to_string(victim.offset);
  EXPECT_EQ(quarantined(name + ".octets"), file.substr(victim.offset, victim.bytes()));
  EXPECT_THAT(quarantined(name + ".txt"), HasSubstr("does not check"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("quarantine/" + name)));
}

TEST_F(RecoveryTest, DamageIsNotedOnce) {
  SegmentText first(1);
  const Location victim = first.message(10);
  first.sync();
  first.message(11);
  first.put_on(disk_, kDirectory);
  disk_.file("/spool/00000001.log").bytes[victim.offset + 60] ^= 4;
  recover();
  EXPECT_EQ(notes_.size(), 1U);
  recover();
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(counts_.damaged, 1U);
}

TEST_F(RecoveryTest, WriteThatWasCutShortIsDistinguished) {
  SegmentText first(1);
  first.message(10);
  first.sync();
  const std::uint32_t last = first.end();
  first.message(11, 9000);
  std::string file = first.file();
  std::fill(file.begin() + last + 2 * 512, file.end(), '\0');
  disk_.file("/spool/00000001.log").bytes = file;
  EXPECT_EQ(recover(), (Found{{10, 0}}));
  EXPECT_EQ(counts_.cut_short, 1U);
  EXPECT_EQ(counts_.damaged, 0U);
}

TEST_F(RecoveryTest, RecordThatMeansNothingIsQuarantined) {
  SegmentText first(1);
  const Location nonsense = first.add(RecordType::message, 10, "nonsense");
  first.message(11);
  first.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_EQ(counts_.damaged, 1U);
  EXPECT_THAT(quarantined("00000001.log." + std::to_string(nonsense.offset) + ".octets"), HasSubstr("nonsense"));
}

TEST_F(RecoveryTest, StatusThatMeansNothingLeavesTheOneBefore) {
  SegmentText first(1);
  first.message(10, 100, 3);
  first.add(RecordType::status, 10, "nonsense");
  first.put_on(disk_, kDirectory);
  EXPECT_EQ(recover(), (Found{{10, 3}}));
}

TEST_F(RecoveryTest, FileWithADamagedHeadIsMovedAwayWhole) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.message(11);
  second.put_on(disk_, kDirectory);
  std::string& file = disk_.file("/spool/00000001.log").bytes;
  file[20] ^= 1;
  file[kBlockBytes / 2 + 20] ^= 1;
  const std::string whole = file;
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_EQ(quarantined("00000001.log"), whole);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("header is damaged")));
  EXPECT_EQ(recover(), (Found{{11, 0}}));
}

// There was no room for the folder that it was to be moved to, and the relay did not start.
TEST_F(RecoveryTest, AFileWithADamagedHeadOnAFullDiskIsRenamed) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  SegmentText second(2);
  second.message(11);
  second.put_on(disk_, kDirectory);
  std::string& file = disk_.file("/spool/00000001.log").bytes;
  file[20] ^= 1;
  file[kBlockBytes / 2 + 20] ^= 1;
  const std::string whole = file;
  disk_.full = true;
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_EQ(error_, "");
  EXPECT_THAT(disk_.names(kDirectory), UnorderedElementsAre("bad-00000001", "00000002.log"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("header is damaged; moved to /spool/bad-00000001")));
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("stays there")));
  disk_.full = false;
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_EQ(quarantined("00000001.log"), whole);
}

// What does not check was lost with its segment, where there was no room for a copy.
TEST_F(RecoveryTest, DamageThatThereIsNoRoomForKeepsItsSegment) {
  SegmentText first(1);
  const Location victim = first.message(10);
  first.sync();
  first.message(11);
  first.put_on(disk_, kDirectory);
  disk_.file("/spool/00000001.log").bytes[victim.offset + 60] ^= 4;
  disk_.full = true;
  EXPECT_EQ(recover(), (Found{{11, 0}}));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("could not be quarantined")));
  EXPECT_TRUE(shares_[0].segments.front().unreadable);
}

// It used to be that the rest of such a segment was taken for empty, and its file used again.
TEST_F(RecoveryTest, MailBehindABlockThatCannotBeReadIsFoundAndTheFileIsKept) {
  SegmentText first(1);
  std::vector<Location> places;
  for (QueueId id = 10; id < 20; ++id) {
    places.push_back(first.message(id, 5000));
    first.sync();
  }
  first.put_on(disk_, kDirectory);
  testing::MemoryDisk::File& file = disk_.file("/spool/00000001.log");
  file.bad_from = places[4].offset + 1000;
  file.bad_to = file.bad_from + 1;
  EXPECT_EQ(recover().size(), 9U);
  EXPECT_EQ(counts_.unreadable, 1U);
  EXPECT_TRUE(shares_[0].segments[0].unreadable);
  EXPECT_THAT(notes_, ::testing::Contains(HasSubstr("cannot be read")));
}

TEST_F(RecoveryTest, FileWhoseHeadCannotBeReadIsLeftForTheNextStart) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  testing::MemoryDisk::File& file = disk_.file("/spool/00000001.log");
  file.bad_from = 5;
  file.bad_to = 6;
  EXPECT_EQ(recover(), Found());
  EXPECT_EQ(error_, "");
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("its header cannot be read")));
  EXPECT_THAT(disk_.names(kDirectory), ElementsAre("00000001.log"));
  file.bad_to = 0;
  EXPECT_EQ(recover(), (Found{{10, 0}}));
}

// ------------------------------------------------------------------------------------------ files

TEST_F(RecoveryTest, RefusesAnotherVersion) {
  SegmentText first(1);
  first.put_on(disk_, kDirectory);
  std::string& file = disk_.file("/spool/00000001.log").bytes;
  for (const std::size_t at : {std::size_t{0}, std::size_t{kBlockBytes / 2}}) {
    file[at + 8] = 9;
    const std::uint32_t crc = crc32c(0, std::string_view(file).substr(at, 32));
    std::memcpy(file.data() + at + 32, &crc, sizeof crc);
  }
  recover();
  EXPECT_THAT(error_, HasSubstr("another version"));
}

TEST_F(RecoveryTest, RefusesLinksAndFilesOfOthers) {
  SegmentText first(1);
  first.put_on(disk_, kDirectory);
  testing::MemoryDisk::File& file = disk_.file("/spool/00000001.log");
  file.links = 2;
  recover();
  EXPECT_THAT(error_, HasSubstr("is no plain file"));
  file.links = 1;
  file.own = false;
  recover();
  EXPECT_THAT(error_, HasSubstr("belongs to another user"));
  file.own = true;
  file.regular = false;
  recover();
  EXPECT_THAT(error_, HasSubstr("is no plain file, or a file with a second name"));
  file.regular = true;
}

// Nothing is in them: they are left alone, and everything else goes on.
TEST_F(RecoveryTest, FilesOfOthersThatAreNoSegmentsAreNotUsed) {
  SegmentText first(1);
  first.message(10);
  first.put_on(disk_, kDirectory);
  for (const char* name : {"free-00000009", "new-0000000a"}) {
    testing::MemoryDisk::File& file = disk_.file(std::string("/spool/") + name);
    file.bytes.resize(kSegmentBytesMin);
    file.own = false;
  }
  EXPECT_EQ(recover(), (Found{{10, 0}}));
  EXPECT_EQ(error_, "");
  EXPECT_THAT(notes_, UnorderedElementsAre(HasSubstr("free-00000009: belongs to another user"),
                                           HasSubstr("new-0000000a: belongs")));
  EXPECT_EQ(last_segment_, 10U);
  // Those that were made now have numbers of their own.
  ASSERT_EQ(shares_[0].free.size(), 2U);
  EXPECT_EQ(shares_[0].free[0].name, "free-0000000b");
  EXPECT_EQ(shares_[0].free[1].name, "free-0000000c");
}

TEST_F(RecoveryTest, LeavesOtherFilesAlone) {
  disk_.file("/spool/lock").bytes = "x";
  disk_.file("/spool/format").own = false;
  disk_.file("/spool/notes.txt").bytes = "x";
  EXPECT_EQ(recover(), Found());
  EXPECT_EQ(error_, "");
  EXPECT_THAT(disk_.names(kDirectory), UnorderedElementsAre("lock", "format", "notes.txt"));
}

TEST_F(RecoveryTest, FileThatWasToBecomeAnotherSegmentIsFree) {
  // Its header was written, but its new name did not get to the disk; or only the name did.
  SegmentText next(7);
  disk_.file("/spool/00000003.log").bytes = next.file();
  disk_.file("/spool/00000003.log").bytes.resize(kSegmentBytesMin);
  disk_.file("/spool/00000004.log").bytes.assign(kSegmentBytesMin, '\0');
  EXPECT_EQ(recover(), Found());
  EXPECT_THAT(disk_.names(kDirectory), UnorderedElementsAre("free-00000003", "free-00000004"));
  EXPECT_EQ(shares_[0].free.size(), 2U);
  for (const FreeFile& file : shares_[0].free) EXPECT_EQ(file.bytes, kSegmentBytesMin);
  EXPECT_THAT(notes_, IsEmpty());
}

// A start numbers segments from there; a number that a free file still bears would make two files of one name.
TEST_F(RecoveryTest, NumbersOfFreeFilesAreNotUsedAgain) {
  SegmentText first(3);
  first.put_on(disk_, kDirectory);
  disk_.file("/spool/free-00000009").bytes.assign(kSegmentBytesMin, '\0');
  recover();
  EXPECT_EQ(last_segment_, 9U);
}

TEST_F(RecoveryTest, FilesThatWereBeingMadeAreRemoved) {
  disk_.file("/spool/new-00000009").bytes.assign(8192, '\0');
  recover();
  EXPECT_THAT(disk_.names(kDirectory), IsEmpty());
}

// ------------------------------------------------------------------------------------------ cores

TEST_F(RecoveryTest, SegmentsThatTellOfTheSameMessagesStayTogether) {
  for (std::uint32_t number = 1; number <= 12; ++number) {
    SegmentText segment(number);
    for (QueueId id = 0; id < 5; ++id) segment.message(number * 100 + id);
    // 1-2-3 and 7-9 are tied by a status, an end or a piece.
    if (number == 2) segment.status(100, 1);
    if (number == 3) segment.done(204);
    if (number == 9) segment.status(703, 5);
    segment.put_on(disk_, kDirectory);
  }
  for (std::size_t cores = 1; cores <= 7; ++cores) {
    const auto found = recover(cores);
    EXPECT_EQ(found.size(), 59U);
    EXPECT_EQ(found.at(100), 1U);
    EXPECT_EQ(core_of_.at(100), core_of_.at(200));
    EXPECT_EQ(core_of_.at(200), core_of_.at(300));
    EXPECT_EQ(core_of_.at(700), core_of_.at(900));
    for (const Share& share : shares_) EXPECT_GE(share.segments.size(), 1U) << cores;
  }
}

TEST_F(RecoveryTest, FreeFilesAreSharedOut) {
  for (std::uint32_t number = 1; number <= 5; ++number)
    disk_.file("/spool/" + free_name(number)).bytes.resize(kSegmentBytesMin);
  recover(2);
  EXPECT_EQ(shares_[0].free.size(), 3U);
  EXPECT_EQ(shares_[1].free.size(), 2U);
}

}  // namespace
}  // namespace sluice::spool
