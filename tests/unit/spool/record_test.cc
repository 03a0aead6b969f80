// Frames, batches and the head of a segment: what is written is read, and no other bytes are.
#include "engine/spool/record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "engine/base/crc32c.h"
#include "tests/unit/spool/segment_text.h"

namespace sluice::spool {
namespace {

constexpr std::uint64_t kSalt = 0x0123456789abcdef;

std::string sealed(std::string_view payload, RecordType type = RecordType::status, std::uint64_t id = 9,
                   std::uint32_t offset = 8192) {
  std::string frame(frame_bytes(static_cast<std::uint32_t>(payload.size())), 'x');
  frame.replace(kFrameHeaderBytes, payload.size(), payload);
  seal_frame(frame.data(), type, id, static_cast<std::uint32_t>(payload.size()), offset, kSalt);
  return frame;
}

TEST(Frame, ComesBackAsItWasSealed) {
  for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 500U, 70'000U}) {
    const std::string payload = content_of(size, size);
    const std::string bytes = sealed(payload) + "what follows";
    const auto frame = read_frame(bytes, 8192, kSalt);
    ASSERT_TRUE(frame) << size;
    EXPECT_EQ(frame->type, RecordType::status);
    EXPECT_EQ(frame->id, 9U);
    EXPECT_EQ(frame->offset, 8192U);
    EXPECT_EQ(frame->payload, payload);
    EXPECT_EQ(frame->bytes(), frame_bytes(static_cast<std::uint32_t>(size)));
    EXPECT_EQ(frame->bytes() % kFrameAlign, 0U);
  }
}

TEST(Frame, EveryFlippedBitIsNoticed) {
  const std::string payload = "status of a message";
  std::string bytes = sealed(payload);
  for (std::size_t at = 0; at < kFrameHeaderBytes + payload.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      EXPECT_FALSE(read_frame(bytes, 8192, kSalt)) << at << " " << bit;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    }
  EXPECT_TRUE(read_frame(bytes, 8192, kSalt));
}

TEST(Frame, IsNoneElsewhereNorInAnotherLifeOfTheFile) {
  const std::string bytes = sealed("payload");
  EXPECT_FALSE(read_frame(bytes, 4096, kSalt));
  EXPECT_FALSE(read_frame(bytes, 8192, kSalt + 1));
  EXPECT_FALSE(read_frame(bytes, 8192, kSalt + (std::uint64_t{1} << 32)));
}

TEST(Frame, IsNoneWhenItIsCutShort) {
  const std::string bytes = sealed("payload of twenty-one");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_frame(std::string_view(bytes).substr(0, size), 8192, kSalt)) << size;
}

TEST(Frame, OfAnUnknownTypeIsNone) {
  for (const int type : {0, 6, 255}) EXPECT_FALSE(read_frame(sealed("x", static_cast<RecordType>(type)), 8192, kSalt));
}

TEST(Frame, ThatWouldBeLongerThanAnyClaimsNothing) {
  std::string bytes = sealed("x");
  bytes.replace(4, 4, "\xff\xff\xff\x7f");
  EXPECT_EQ(claimed_bytes(bytes), 0U);
  EXPECT_FALSE(claims_to_be_at(bytes.data(), 8192));
}

TEST(Batch, FillsWholeBlocksAndSaysHowLongItIs) {
  SegmentText segment(3, kSalt);
  const Location first = segment.message(1, 300);
  const Location second = segment.status(1, 7);
  const std::string bytes = segment.written();
  EXPECT_EQ(bytes.size() % kBlockBytes, 0U);
  const std::string_view batch = std::string_view(bytes).substr(kBlockBytes);
  const auto head = read_frame(batch, kBlockBytes, kSalt);
  ASSERT_TRUE(head);
  ASSERT_EQ(head->type, RecordType::batch);
  const auto said = read_batch_head(head->payload);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->bytes, batch.size());
  EXPECT_EQ(said->records, 2U);
  EXPECT_EQ(said->wall_ms, 1'700'000'000'000U);
  EXPECT_EQ(first.segment, 3U);
  EXPECT_EQ(first.offset, kBlockBytes + head->bytes());
  EXPECT_EQ(second.offset, first.offset + first.bytes());
  const auto message = read_frame(std::string_view(bytes).substr(first.offset), first.offset, kSalt);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload.size(), first.payload);
  EXPECT_TRUE(first.before(second));
}

TEST(Batch, TakesNoMoreThanThereIsRoom) {
  io::AlignedBytes memory(kBatchBytesMax);
  Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
  batch.begin(1, kSalt, kBlockBytes, 2 * kBlockBytes);
  const std::size_t most = 2 * kBlockBytes - frame_bytes(kBatchHeadBytes) - kFrameHeaderBytes;
  EXPECT_FALSE(batch.fits(most + 1));
  ASSERT_TRUE(batch.fits(most));
  const std::string payload(most, 'x');
  EXPECT_EQ(batch.add(RecordType::piece, 1, payload, nullptr).payload, most);
  EXPECT_FALSE(batch.fits(0));
  EXPECT_EQ(batch.finish(0).size(), 2 * kBlockBytes);
}

TEST(Batch, TakesTheLongestRecordThereMayBe) {
  io::AlignedBytes memory(kBatchBytesMax);
  Batch batch({reinterpret_cast<char*>(memory.data()), memory.size()});
  batch.begin(1, kSalt, kBlockBytes, kSegmentBytesMin - kBlockBytes);
  EXPECT_TRUE(batch.fits(kMetaBytesMax + kPieceBytesMax));
  EXPECT_TRUE(batch.fits(kPayloadBytesMax));
  EXPECT_FALSE(batch.fits(kPayloadBytesMax + 1));
}

TEST(Batch, HeadThatSaysNothingSensibleIsNone) {
  std::string payload(kBatchHeadBytes, '\0');
  EXPECT_FALSE(read_batch_head(payload));
  write_batch_head(payload.data(), {.bytes = 4097, .records = 1});
  EXPECT_FALSE(read_batch_head(payload));
  write_batch_head(payload.data(), {.bytes = 4096, .records = 1});
  EXPECT_TRUE(read_batch_head(payload));
  EXPECT_FALSE(read_batch_head(payload + "x"));
}

TEST(SegmentHead, ComesBack) {
  const std::string block = write_segment_head({.number = 42, .salt = kSalt, .created_ms = 12345});
  ASSERT_EQ(block.size(), kBlockBytes);
  SegmentHead head;
  ASSERT_EQ(read_segment_head(block, head), HeadFault::none);
  EXPECT_EQ(head.number, 42U);
  EXPECT_EQ(head.salt, kSalt);
  EXPECT_EQ(head.created_ms, 12345U);
}

TEST(SegmentHead, SurvivesDamageToOneOfItsCopies) {
  const std::string block = write_segment_head({.number = 42, .salt = kSalt});
  for (std::size_t at = 0; at < kBlockBytes; ++at) {
    std::string damaged = block;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    SegmentHead head;
    ASSERT_EQ(read_segment_head(damaged, head), HeadFault::none) << at;
    EXPECT_EQ(head.salt, kSalt);
  }
}

TEST(SegmentHead, DamagedInBothCopiesIsDamaged) {
  std::string block = write_segment_head({.number = 42, .salt = kSalt});
  block[20] = static_cast<char>(block[20] ^ 1);
  block[kBlockBytes / 2 + 20] = static_cast<char>(block[kBlockBytes / 2 + 20] ^ 1);
  SegmentHead head;
  EXPECT_EQ(read_segment_head(block, head), HeadFault::damaged);
  EXPECT_EQ(read_segment_head(block.substr(1), head), HeadFault::damaged);
}

TEST(SegmentHead, OfZerosIsBlank) {
  SegmentHead head;
  EXPECT_EQ(read_segment_head(std::string(kBlockBytes, '\0'), head), HeadFault::blank);
}

TEST(SegmentHead, OfAnotherVersionIsAnError) {
  std::string block = write_segment_head({.number = 42, .salt = kSalt});
  for (const std::size_t at : {std::size_t{0}, std::size_t{kBlockBytes / 2}}) {
    block[at + 8] = 2;
    const std::uint32_t crc = crc32c(0, std::string_view(block).substr(at, 32));
    std::memcpy(block.data() + at + 32, &crc, sizeof crc);
  }
  SegmentHead head;
  EXPECT_EQ(read_segment_head(block, head), HeadFault::other_version);
}

TEST(SegmentName, ComesBackAndNothingElseIsOne) {
  EXPECT_EQ(segment_name(0x2a), "0000002a.log");
  EXPECT_EQ(parse_segment_name("0000002a.log"), 0x2aU);
  EXPECT_EQ(parse_segment_name("ffffffff.log"), 0xffffffffU);
  for (const char* name : {"00000000.log", "0000002A.log", "2a.log", "00000002a.log", "0000002a.lo", "0000002a.log~",
                           "0000002g.log", ".log", "", "free-0000002a", "new-0000002a"})
    EXPECT_FALSE(parse_segment_name(name)) << name;
  EXPECT_EQ(free_name(0x2a), "free-0000002a");
  EXPECT_EQ(parse_free_name("free-0000002a"), 0x2aU);
  EXPECT_FALSE(parse_free_name("free-list"));
  EXPECT_EQ(parse_new_name(new_name(7)), 7U);
  EXPECT_EQ(parse_bad_name(bad_name(7)), 7U);
  EXPECT_FALSE(parse_bad_name("bad-news"));
  EXPECT_FALSE(parse_new_name("new-mail"));
}

}  // namespace
}  // namespace sluice::spool
