// What the operator is shown of a spool, at rest and beside a relay that is using it.
#include "engine/spool/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/rounds.h"
#include "tests/unit/spool/ledger.h"

namespace sluice::spool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() { disk_.file("/spool/format").bytes = "sluice-spool 1\n"; }
  ~ReaderTest() override { EXPECT_EQ(disk_.files_open(), 0U); }
  ReadCounts read() {
    records_.clear();
    const auto counts = read_spool(disk_, "/spool", [this](const ReadRecord& read) { records_.push_back(read); });
    EXPECT_TRUE(counts) << (counts ? "" : counts.error().text);
    return counts ? *counts : ReadCounts();
  }
  testing::MemoryDisk disk_;
  std::vector<ReadRecord> records_;
};

TEST_F(ReaderTest, TellsEveryRecordInOrder) {
  SegmentText first(1);
  first.message(10, 50, 3);
  first.sync();
  first.status(10, 4);
  first.put_on(disk_, "/spool");
  SegmentText second(2);
  second.done(10);
  second.message(11);
  second.put_on(disk_, "/spool");
  disk_.file("/spool/free-00000009").bytes = "x";
  const ReadCounts counts = read();
  ASSERT_EQ(records_.size(), 4U);
  EXPECT_EQ(records_[0].message->stored.envelope.reverse_path, "sender@customer.example");
  EXPECT_EQ(records_[0].message->status.tries, 3U);
  EXPECT_EQ(records_[1].status->tries, 4U);
  EXPECT_EQ(records_[2].type, RecordType::done);
  EXPECT_EQ(records_[3].segment, 2U);
  EXPECT_EQ(counts.segments, 2U);
  EXPECT_EQ(counts.free_files, 1U);
  EXPECT_EQ(counts.records, 4U);
  EXPECT_EQ(counts.messages, 2U);
  EXPECT_EQ(counts.ended, 1U);
  EXPECT_EQ(counts.pending, 1U);
  EXPECT_TRUE(counts.sound());
}

TEST_F(ReaderTest, ChangesNothing) {
  SegmentText first(1);
  const Location victim = first.message(10);
  first.sync();
  first.message(11);
  first.put_on(disk_, "/spool");
  disk_.file("/spool/00000001.log").bytes[victim.offset + 40] ^= 1;
  disk_.file("/spool/00000002.log").bytes.assign(8192, '\0');
  disk_.file("/spool/new-00000003").bytes = "x";
  const auto before = disk_.names("/spool");
  EXPECT_FALSE(read().sound());
  EXPECT_EQ(disk_.names("/spool"), before);
  EXPECT_THAT(disk_.names("/spool/quarantine"), IsEmpty());
}

TEST_F(ReaderTest, TellsDamageOnceAndWhatMeansNothing) {
  SegmentText first(1);
  const Location victim = first.message(10);
  first.add(RecordType::message, 11, "nonsense");
  first.sync();
  first.status(12, 1);
  first.put_on(disk_, "/spool");
  disk_.file("/spool/00000001.log").bytes[victim.offset + 40] ^= 1;
  const ReadCounts counts = read();
  EXPECT_EQ(counts.damaged, 2U);
  EXPECT_EQ(counts.cut_short, 0U);
  ASSERT_EQ(records_.size(), 3U);
  EXPECT_TRUE(records_[0].senseless);
  EXPECT_EQ(records_[2].damage->offset, victim.offset);
}

TEST_F(ReaderTest, WriteThatWasCutShortIsNoDamage) {
  SegmentText first(1);
  first.message(10);
  first.sync();
  const std::uint32_t last = first.end();
  first.message(11, 9000);
  std::string file = first.file();
  std::fill(file.begin() + last + 1024, file.end(), '\0');
  disk_.file("/spool/00000001.log").bytes = file;
  const ReadCounts counts = read();
  EXPECT_EQ(counts.cut_short, 1U);
  EXPECT_TRUE(counts.sound());
}

TEST_F(ReaderTest, TellsDamagedHeadsAndWhatTheDiskDoesNotGive) {
  SegmentText first(1);
  const Location at = first.message(10, 9000);
  first.sync();
  first.message(11);
  first.put_on(disk_, "/spool");
  disk_.file("/spool/00000001.log").bad_from = at.offset + 5000;
  disk_.file("/spool/00000001.log").bad_to = at.offset + 5001;
  disk_.file("/spool/00000002.log").bytes.assign(8192, 'x');
  const ReadCounts counts = read();
  EXPECT_EQ(counts.unreadable, 1U);
  EXPECT_EQ(counts.damaged, 2U) << "a head, and the record";
}

TEST_F(ReaderTest, TellsMessagesWithoutAllOfTheirContent) {
  SegmentText first(1);
  const Location one = first.piece(10, 0, 5000);
  first.message(10, {one}, 6000);
  first.message(11, {{.segment = 9, .offset = 4096, .payload = 10}}, 100);
  first.message(12, {{.segment = 9, .offset = 4096, .payload = 10}}, 100);
  first.done(12);
  first.put_on(disk_, "/spool");
  const ReadCounts counts = read();
  EXPECT_EQ(counts.pending, 2U);
  EXPECT_EQ(counts.incomplete, 1U);
  EXPECT_FALSE(counts.sound());
  EXPECT_TRUE(records_.back().incomplete);
  EXPECT_EQ(records_.back().id, 11U);
}

TEST_F(ReaderTest, RefusesWhatIsNoSpool) {
  ASSERT_TRUE(disk_.remove("/spool/format"));
  EXPECT_FALSE(read_spool(disk_, "/spool", [](const ReadRecord&) {}));
}

// ------------------------------------------------------------------------------------------ beside a relay

TEST_F(ReaderTest, SegmentThatIsRecycledMeanwhileIsNotDamaged) {
  SegmentText first(1);
  for (QueueId id = 1; id < 40; ++id) {
    first.message(id, 30'000);
    first.sync();
  }
  first.put_on(disk_, "/spool");
  SegmentText next(5, 99);
  next.message(50, 1000);
  const std::string recycled = next.file(first.file());
  int reads = 0;
  disk_.before_read = [&] {
    // Behind the head and the first window.
    if (++reads != 3) return;
    disk_.file("/spool/00000001.log").bytes = recycled;
    ASSERT_TRUE(disk_.rename("/spool/00000001.log", "/spool/00000005.log"));
  };
  const ReadCounts counts = read();
  EXPECT_GE(reads, 3);
  EXPECT_TRUE(counts.sound());
  EXPECT_EQ(counts.cut_short, 0U);
}

TEST_F(ReaderTest, WriteThatIsUnderWayIsNotDamaged) {
  SegmentText first(1, 77, 8U << 20);
  std::vector<std::uint32_t> ends;
  for (QueueId id = 1; id <= 6; ++id) {
    const Location piece = first.piece(id, 0, 400'000);
    first.sync();
    ends.push_back(first.end());
    first.message(id, {piece}, 400'100);
    first.sync();
  }
  const std::string whole = first.file();
  // The third write is there to its half; all that comes behind it is written once we are there.
  std::string part = whole;
  std::fill(part.begin() + ends[2] - 200'000, part.end(), '\0');
  disk_.file("/spool/00000001.log").bytes = part;
  int reads = 0;
  disk_.before_read = [&] {
    if (++reads == 4) disk_.file("/spool/00000001.log").bytes = whole;
  };
  const ReadCounts counts = read();
  EXPECT_TRUE(counts.sound());
  EXPECT_EQ(counts.pending, 6U);
}

TEST_F(ReaderTest, PiecesThatWentMeanwhileAreNotMissing) {
  SegmentText first(1);
  const Location piece = first.piece(10, 0, 1000);
  first.put_on(disk_, "/spool");
  SegmentText second(2);
  second.message(10, {piece}, 2000);
  second.put_on(disk_, "/spool");
  int reads = 0;
  disk_.before_read = [&] {
    if (++reads != 2) return;  // behind the format
    disk_.file("/spool/00000001.log").bytes = SegmentText(7, 5).file();
    ASSERT_TRUE(disk_.rename("/spool/00000001.log", "/spool/free-00000001"));
  };
  EXPECT_TRUE(read().sound());
  EXPECT_GE(reads, 2);
}

TEST_F(ReaderTest, PiecesThatWereGoneBeforeAreMissing) {
  SegmentText first(1);
  const Location piece = first.piece(10, 0, 1000);
  SegmentText second(2);
  second.message(10, {piece}, 2000);
  second.put_on(disk_, "/spool");
  EXPECT_EQ(read().incomplete, 1U);
}

// It was passed over, as a file that is to be used again.
TEST_F(ReaderTest, ASegmentThatWasRenamedIsShown) {
  SegmentText first(1);
  first.message(10);
  disk_.file("/spool/00000050.log").bytes = first.file();
  EXPECT_EQ(read().damaged, 1U);
  SegmentText empty(7);
  disk_.file("/spool/00000050.log").bytes = empty.file();
  EXPECT_TRUE(read().sound());
}

class ReaderBeside : public testing::BothPlatforms {};
INSTANTIATE_TEST_SUITE_P(Platforms, ReaderBeside,
                         ::testing::Values(testing::PlatformKind::real, testing::PlatformKind::simulated),
                         testing::platform_name);

TEST_P(ReaderBeside, FindsASpoolSoundWhileItIsUsed) {
  Machine machine(platforms_);
  sim::SimRandom random(3);
  Ledger ledger;
  QueueId last_id = 0;
  io::Disk& disk = machine.loops(1)[0]->platform().disk;
  ASSERT_TRUE(disk.make_directory(machine.place.path()));
  ASSERT_TRUE(disk.write_small(machine.place.path("format"), "sluice-spool 1\n"));
  Life life(machine, {.cores = 2});
  life.wait_ready();
  Workload work(life, ledger, random, last_id);
  work.start(testing::rounds(60), 6);
  std::size_t looked = 0;
  while (!work.done()) {
    platforms_.run_for(std::chrono::milliseconds(5));
    const auto counts = read_spool(disk, machine.place.path(), [](const ReadRecord&) {});
    ASSERT_TRUE(counts);
    EXPECT_TRUE(counts->sound()) << counts->damaged << " " << counts->incomplete << " " << counts->unreadable;
    ++looked;
  }
  EXPECT_GT(looked, 3U);
  const auto counts = read_spool(disk, machine.place.path(), [](const ReadRecord&) {});
  EXPECT_EQ(counts->pending, life.spool(0).messages() + life.spool(1).messages());
}

}  // namespace
}  // namespace sluice::spool
