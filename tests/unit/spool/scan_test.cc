// Reading a segment whatever its bytes are: what checks is passed on, once and in order; what does not is passed on as
// damage.
#include "engine/spool/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "tests/support/rounds.h"
#include "tests/unit/spool/segment_text.h"

namespace sluice::spool {
namespace {

using Ids = std::vector<QueueId>;

// Three batches: 1 2 3, 4 5, 6.
SegmentText three_batches(std::vector<Location>* places = nullptr) {
  SegmentText segment(7);
  std::vector<Location> all;
  for (const QueueId id : {1U, 2U, 3U, 4U, 5U, 6U}) {
    all.push_back(segment.message(id, 100 + 700 * id));
    if (id == 3 || id == 5) segment.sync();
  }
  if (places != nullptr) *places = all;
  return segment;
}

void spoil(std::string& file, std::uint32_t offset) { file[offset] = static_cast<char>(file[offset] ^ 0x55); }

TEST(Scan, TellsAllRecordsInOrder) {
  std::vector<Location> places;
  SegmentText segment = three_batches(&places);
  segment.done(1);
  const Heard heard = scan_text(segment.file(), segment.salt());
  EXPECT_EQ(heard.ids(), (Ids{1, 2, 3, 4, 5, 6, 1}));
  for (std::size_t i = 0; i < places.size(); ++i) EXPECT_EQ(heard.records[i].offset, places[i].offset);
  EXPECT_EQ(heard.batches, 3U);
  EXPECT_TRUE(heard.damage.empty());
}

TEST(Scan, TellsNothingOfAnEmptySegment) {
  SegmentText segment(7);
  EXPECT_TRUE(scan_text(segment.file(), segment.salt()).records.empty());
  EXPECT_TRUE(scan_text(segment.written(), segment.salt()).records.empty());
}

TEST(Scan, ReadsRecordsThatAreLongerThanItsWindow) {
  SegmentText segment(7, 77, 8U << 20);
  const std::string big(kPayloadBytesMax - 100, 'b');
  segment.message(1);
  segment.sync();
  segment.add(RecordType::piece, 2, {}, big);
  segment.sync();
  segment.message(3);
  EXPECT_EQ(scan_text(segment.file(), segment.salt()).ids(), (Ids{1, 2, 3}));
}

TEST(Scan, GoesOnBehindDamageInTheMiddle) {
  std::vector<Location> places;
  SegmentText segment = three_batches(&places);
  for (std::size_t victim = 0; victim < places.size(); ++victim) {
    std::string file = segment.file();
    spoil(file, places[victim].offset + kFrameHeaderBytes + 50);
    const Heard heard = scan_text(file, segment.salt());
    Ids expected{1, 2, 3, 4, 5, 6};
    std::erase(expected, victim + 1);
    EXPECT_EQ(heard.ids(), expected);
    ASSERT_EQ(heard.damage.size(), 1U) << victim;
    EXPECT_EQ(heard.damage[0].offset, places[victim].offset);
    EXPECT_GE(heard.damage[0].bytes, places[victim].bytes());
    EXPECT_EQ(heard.damage[0].at_end, victim == 5) << victim;
  }
}

TEST(Scan, GoesOnAtEveryEighthByte) {
  // Records of many lengths; each is spoiled in turn, and all others are found.
  SegmentText segment(7);
  std::vector<Location> places;
  for (QueueId id = 1; id <= 60; ++id) places.push_back(segment.message(id, id));
  const std::string whole = segment.file();
  for (const Location& victim : places) {
    std::string file = whole;
    spoil(file, victim.offset + 4);  // its length: nothing says where the next one begins
    EXPECT_EQ(scan_text(file, segment.salt()).records.size(), places.size() - 1);
  }
}

TEST(Scan, NoticesEveryByteOfEveryRecord) {
  SegmentText segment(7);
  const Location first = segment.message(1, 40);
  const Location second = segment.status(1, 3);
  segment.sync();
  segment.done(1);
  const std::string whole = segment.file();
  ASSERT_EQ(scan_text(whole, segment.salt()).records.size(), 3U);
  for (const Location& victim : {first, second})
    for (std::uint32_t i = 0; i < kFrameHeaderBytes + victim.payload; ++i) {
      std::string file = whole;
      spoil(file, victim.offset + i);
      const Heard heard = scan_text(file, segment.salt());
      EXPECT_EQ(heard.records.size(), 2U) << i;
      EXPECT_EQ(heard.damage.size(), 1U) << i;
    }
}

TEST(Scan, GoesOnWithoutTheHeadOfABatch) {
  SegmentText segment = three_batches();
  std::string file = segment.file();
  spoil(file, kBlockBytes + 2);
  const Heard heard = scan_text(file, segment.salt());
  EXPECT_EQ(heard.ids(), (Ids{1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(heard.damage.size(), 1U);
  EXPECT_FALSE(heard.damage[0].at_end);
}

TEST(Scan, TellsOfRecordsThatBecameZeros) {
  // The rest of a block is zeros behind the last record of a batch, but not behind another one.
  std::vector<Location> places;
  SegmentText segment = three_batches(&places);
  std::string file = segment.file();
  std::fill_n(file.begin() + places[4].offset, places[4].bytes(), '\0');
  const Heard heard = scan_text(file, segment.salt());
  EXPECT_EQ(heard.ids(), (Ids{1, 2, 3, 4, 6}));
  ASSERT_EQ(heard.damage.size(), 1U);
  EXPECT_EQ(heard.damage[0].offset, places[4].offset);
}

TEST(Scan, TellsAWriteThatWasCutShortApartFromDamage) {
  std::vector<Location> places;
  SegmentText segment = three_batches(&places);
  segment.sync();
  const std::uint32_t last = segment.end();
  const Location seventh = segment.message(7, 20'000);
  const Location eighth = segment.message(8, 20'000);
  const std::string whole = segment.file();
  // Every number of sectors of the last write that a crash may have left.
  for (std::uint32_t end = last; end < segment.end(); end += 512) {
    std::string file = whole;
    std::fill(file.begin() + end, file.begin() + segment.end(), '\0');
    const Heard heard = scan_text(file, segment.salt());
    Ids expected{1, 2, 3, 4, 5, 6};
    if (end >= seventh.offset + seventh.bytes()) expected.push_back(7);
    if (end >= eighth.offset + eighth.bytes()) expected.push_back(8);
    EXPECT_EQ(heard.ids(), expected) << end;
    EXPECT_TRUE(std::ranges::all_of(heard.damage, &Damage::at_end)) << end;
    EXPECT_EQ(heard.damage.size(), end > last && expected.size() < 8 ? 1U : 0U) << end;
  }
}

TEST(Scan, TellsALostSectorInTheLastWriteAsCutShort) {
  SegmentText segment = three_batches();
  segment.sync();
  const std::uint32_t last = segment.end();
  segment.message(7, 3000);
  segment.message(8, 3000);
  const Location ninth = segment.message(9, 3000);
  const std::string whole = segment.file();
  for (std::uint32_t sector = last; sector < ninth.offset + ninth.bytes(); sector += 512) {
    std::string file = whole;
    std::fill_n(file.begin() + sector, 512, '\0');
    const Heard heard = scan_text(file, segment.salt());
    EXPECT_TRUE(std::ranges::includes(heard.ids(), Ids{1, 2, 3, 4, 5, 6})) << sector;
    EXPECT_FALSE(heard.damage.empty()) << sector;
    EXPECT_TRUE(std::ranges::all_of(heard.damage, &Damage::at_end)) << sector;
  }
}

TEST(Scan, ResurrectsNothingOfAnEarlierLifeOfTheFile) {
  // An older life filled the file; the newer one is shorter, and ends anywhere.
  SegmentText older(5, 1111);
  for (QueueId id = 100; id < 140; ++id) {
    older.message(id, 5000);
    older.sync();
  }
  const std::string before = older.file();
  SegmentText newer(7, 2222);
  for (QueueId id = 1; id < 20; ++id) {
    newer.message(id, 300 * id);
    newer.sync();
    const Heard heard = scan_text(newer.file(before), newer.salt());
    EXPECT_EQ(heard.records.size(), id);
    EXPECT_LT(heard.ids().back(), 100U);
    EXPECT_TRUE(heard.damage.empty());
  }
}

TEST(Scan, ResurrectsNothingOfAnEarlierLifeBehindATornTail) {
  SegmentText older(5, 1111);
  for (QueueId id = 100; id < 140; ++id) {
    older.message(id, 5000);
    older.sync();
  }
  const std::string before = older.file();
  SegmentText newer(7, 2222);
  newer.message(1);
  newer.sync();
  const std::uint32_t last = newer.end();
  newer.message(2, 20'000);
  std::string file = newer.file(before);
  for (std::uint32_t end = newer.end() - 512; end >= last; end -= 512) {
    file.replace(end, 512, before, end, 512);
    const Heard heard = scan_text(file, newer.salt());
    EXPECT_EQ(heard.ids(), (Ids{1})) << end;
  }
}

TEST(Scan, MailThatLooksLikeRecordsIsNone) {
  // A whole segment, sent as a message's content: its frames check only where they would lie, under their own salt.
  SegmentText inner(9, 1234);
  for (QueueId id = 100; id < 110; ++id) inner.message(id, 200);
  SegmentText segment(7, 77);
  segment.add(RecordType::piece, 1, {}, inner.written());
  segment.sync();
  segment.message(2);
  std::string file = segment.file();
  EXPECT_EQ(scan_text(file, segment.salt()).ids(), (Ids{1, 2}));
  spoil(file, kBlockBytes + frame_bytes(kBatchHeadBytes));
  EXPECT_EQ(scan_text(file, segment.salt()).ids(), (Ids{2}));
}

// What is sent so that, once the file is recycled, each word of it looks like the header of a frame of megabytes.
TEST(Scan, IsNotHeldUpByMailThatLooksLikeHeadersEverywhere) {
  constexpr std::uint32_t kBytes = 16U << 20;
  SegmentText segment(7, 77, kBytes);
  segment.message(1);
  std::string file = segment.file();
  for (std::uint32_t at = 2 * kBlockBytes; at + 8 <= kBytes; at += 8) {
    const std::uint32_t type = 3;
    const std::uint32_t offset = at - 8;
    std::memcpy(file.data() + at, &type, 4);
    std::memcpy(file.data() + at + 4, &offset, 4);
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(scan_text(file, segment.salt()).ids(), (Ids{1}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Scan, FindsBatchesBehindMailThatLooksLikeHeadersEverywhere) {
  constexpr std::uint32_t kBytes = 8U << 20;
  SegmentText segment(7, 77, kBytes);
  segment.message(1);
  segment.sync();
  const std::string mail(2U << 20, 'm');
  const Location piece = segment.add(RecordType::piece, 2, {}, mail);
  segment.sync();
  segment.message(3);
  std::string file = segment.file();
  for (std::uint32_t at = piece.offset; at < piece.offset + mail.size(); at += 8) {
    const std::uint32_t type = 3;
    const std::uint32_t offset = at - 8;
    std::memcpy(file.data() + at, &type, 4);
    std::memcpy(file.data() + at + 4, &offset, 4);
  }
  EXPECT_EQ(scan_text(file, segment.salt()).ids(), (Ids{1, 3}));
}

TEST(Scan, GoesOnBehindBlocksThatTheDiskDoesNotGive) {
  SegmentText segment(7);
  std::vector<Location> places;
  for (QueueId id = 1; id <= 30; ++id) {
    places.push_back(segment.message(id, 6000));
    segment.sync();
  }
  const std::uint32_t bad = places[9].offset / kBlockBytes * kBlockBytes;
  const Heard heard = scan_text(segment.file(), segment.salt(), bad, bad + kBlockBytes);
  EXPECT_EQ(heard.records.size(), 29U);
  const auto found = std::ranges::find(heard.damage, true, &Damage::unreadable);
  ASSERT_NE(found, heard.damage.end());
  EXPECT_EQ(found->offset, bad);
  EXPECT_EQ(found->bytes, kBlockBytes);
}

TEST(Scan, LeavesADiskAloneThatGivesNothingMore) {
  SegmentText segment(7, 77, 4U << 20);
  segment.message(1);
  segment.sync();
  const std::uint32_t bad = segment.end();
  for (QueueId id = 2; id < 300; ++id) {
    segment.message(id, 5000);
    segment.sync();
  }
  const Heard heard = scan_text(segment.file(), segment.salt(), bad, 4U << 20);
  EXPECT_EQ(heard.ids(), (Ids{1}));
  ASSERT_EQ(heard.damage.size(), 1U);
  EXPECT_TRUE(heard.damage[0].unreadable);
  EXPECT_EQ(heard.damage[0].offset, bad);
}

TEST(Scan, ReadsAFileThatIsShorterThanItShouldBe) {
  SegmentText segment = three_batches();
  const std::string file = segment.written();
  testing::MemoryDisk disk;
  disk.file("/segment").bytes = file;
  Heard heard;
  SegmentScan(disk, *disk.open("/segment", false), 64U << 20, segment.salt()).run(heard);
  EXPECT_EQ(heard.ids(), (Ids{1, 2, 3, 4, 5, 6}));
}

TEST(Scan, EndsWhateverTheBytesAre) {
  sim::SimRandom random(5);
  for (std::uint64_t round = 0; round < testing::rounds(200); ++round) {
    SegmentText segment = three_batches();
    std::string file = segment.file().substr(0, 65536);
    for (std::uint64_t i = random.below(40); i > 0; --i)
      file[random.below(file.size())] = static_cast<char>(random.next());
    if (random.percent(20)) file.resize(random.below(file.size()));
    const Heard heard = scan_text(file, segment.salt());
    EXPECT_LE(heard.records.size(), 6U);
    std::uint32_t last = 0;
    for (const Heard::Record& record : heard.records) {
      EXPECT_GT(record.offset, last);
      last = record.offset;
    }
  }
}

}  // namespace
}  // namespace sluice::spool
