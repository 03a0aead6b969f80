// The frame around everything in a segment, and the header of a segment: see FORMAT.md.
// Pure.  Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::spool {

// All numbers on disk are little-endian.
inline constexpr std::uint32_t kBlockBytes = 4096;  // batches begin and end at a multiple of this
inline constexpr std::uint32_t kFrameHeaderBytes = 24;
inline constexpr std::uint32_t kFrameAlign = 8;
// The longest batch, and so what is gathered for one write; and the longest payload, which fits into one.
inline constexpr std::uint32_t kBatchBytesMax = 4U << 20;
inline constexpr std::uint32_t kPayloadBytesMax = kBatchBytesMax - 2 * kBlockBytes;
// Content in a message's own record; what is longer comes in pieces of this.
inline constexpr std::uint32_t kPieceBytesMax = 512U << 10;
// All of a message's own record but its content: envelope, status.
inline constexpr std::uint32_t kMetaBytesMax = 3U << 20;
static_assert(kMetaBytesMax + kPieceBytesMax < kPayloadBytesMax);

enum class RecordType : std::uint8_t {
  batch = 1,    // the first of a batch: how long it is
  piece = 2,    // part of a message's content, before the message's own record
  message = 3,  // a message: envelope, status, where its pieces are, the (rest of the) content
  status = 4,   // what became of its recipients so far
  done = 5,     // delivered, bounced or removed: the spool is done with it
};

// Where a record is: the frame's first byte.  Segment 0 does not exist.
struct Location {
  std::uint32_t segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t payload = 0;  // bytes of the payload
  friend bool operator==(const Location&, const Location&) = default;
  [[nodiscard]] bool present() const { return segment != 0; }
  // Bytes that the whole record takes, up to where the next one may begin.
  [[nodiscard]] std::uint32_t bytes() const;
  // Earlier in the log.
  [[nodiscard]] bool before(const Location& other) const {
    return segment != other.segment ? segment < other.segment : offset < other.offset;
  }
};
static_assert(sizeof(Location) == 12);

struct Frame {
  RecordType type{};
  std::uint64_t id = 0;  // the message's; 0 for a batch
  std::uint32_t offset = 0;
  std::string_view payload;
  [[nodiscard]] std::uint32_t bytes() const;
};

// Bytes of a frame with so many bytes of payload.
[[nodiscard]] constexpr std::uint32_t frame_bytes(std::uint32_t payload) {
  return (kFrameHeaderBytes + payload + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
}
inline std::uint32_t Location::bytes() const { return frame_bytes(payload); }
inline std::uint32_t Frame::bytes() const { return frame_bytes(static_cast<std::uint32_t>(payload.size())); }

// Completes a frame whose payload lies at `frame` + kFrameHeaderBytes already: writes the header, and zeros up
// to the next frame.  `salt` is the segment's, `offset` where the frame will be in it.
void seal_frame(char* frame, RecordType type, std::uint64_t id, std::uint32_t payload, std::uint32_t offset,
                std::uint64_t salt);

// The frame at the beginning of `bytes`, which lie at `offset` of the segment with this salt.  Absent if there is
// none that checks.
[[nodiscard]] std::optional<Frame> read_frame(std::string_view bytes, std::uint32_t offset, std::uint64_t salt);

// The same of a frame of which `bytes` are the beginning, with as much of its payload as they have: the checksum, which
// is of all of it, is not asked.
[[nodiscard]] std::optional<Frame> read_frame_head(std::string_view bytes, std::uint32_t offset);

// Whether the kFrameHeaderBytes bytes at `header` look like those of a frame at `offset`; the checksum is not asked.
[[nodiscard]] bool claims_to_be_at(const char* header, std::uint32_t offset);
// What a frame's header says of its length, checked or not; 0 when it cannot be.
[[nodiscard]] std::uint32_t claimed_bytes(std::string_view bytes);

struct BatchHead {
  std::uint32_t bytes = 0;  // of the whole batch, a multiple of kBlockBytes
  std::uint32_t records = 0;
  std::uint64_t wall_ms = 0;
  bool resumed = false;  // the first that a later start wrote behind what it found there
};
inline constexpr std::uint32_t kBatchHeadBytes = 16;
void write_batch_head(char* payload, const BatchHead& head);
[[nodiscard]] std::optional<BatchHead> read_batch_head(std::string_view payload);

// A segment's first block.
struct SegmentHead {
  std::uint32_t number = 0;
  std::uint64_t salt = 0;  // drawn anew each time: what an earlier life of the file holds does not check
  std::uint64_t created_ms = 0;
};
[[nodiscard]] std::string write_segment_head(const SegmentHead& head);  // kBlockBytes bytes
enum class HeadFault : std::uint8_t { none, blank, damaged, other_version };
[[nodiscard]] HeadFault read_segment_head(std::string_view block, SegmentHead& head);

}  // namespace sluice::spool
