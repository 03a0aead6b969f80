#include "engine/spool/record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"

namespace sluice::spool {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "SLUICE-L";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kRecordHeadBytes = 8 + 4 + 4 + 8 + 8;
// Written twice: without the salt nothing in the segment checks.
constexpr std::size_t kHeadsAt[] = {0, kBlockBytes / 2};

// In a batch's time: what does not check before it was cut short by the end of an earlier life.
constexpr std::uint64_t kResumed = std::uint64_t{1} << 63;

// Where the fields of a frame's header are.
constexpr std::size_t kCrcAt = 0;
constexpr std::size_t kSizeAt = 4;
constexpr std::size_t kTypeAt = 8;  // one byte, then three of zero
constexpr std::size_t kOffsetAt = 12;
constexpr std::size_t kIdAt = 16;
static_assert(kIdAt + 8 == kFrameHeaderBytes);

template <typename T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <typename T>
T get(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint32_t seed_of(std::uint64_t salt) { return static_cast<std::uint32_t>(salt ^ (salt >> 32)); }

std::uint32_t frame_crc(const char* frame, std::size_t payload, std::uint64_t salt) {
  return crc32c(seed_of(salt), {frame + kSizeAt, kFrameHeaderBytes - kSizeAt + payload});
}

bool known(std::uint32_t type) {
  return type >= static_cast<std::uint32_t>(RecordType::batch) && type <= static_cast<std::uint32_t>(RecordType::done);
}

}  // namespace

void seal_frame(char* frame, RecordType type, std::uint64_t id, std::uint32_t payload, std::uint32_t offset,
                std::uint64_t salt) {
  CHECK(payload <= kPayloadBytesMax && offset % kFrameAlign == 0);
  put<std::uint32_t>(frame + kSizeAt, payload);
  put<std::uint32_t>(frame + kTypeAt, static_cast<std::uint8_t>(type));
  put<std::uint32_t>(frame + kOffsetAt, offset);
  put<std::uint64_t>(frame + kIdAt, id);
  put<std::uint32_t>(frame + kCrcAt, frame_crc(frame, payload, salt));
  const std::size_t end = kFrameHeaderBytes + payload;
  std::memset(frame + end, 0, frame_bytes(payload) - end);
}

std::optional<Frame> read_frame(std::string_view bytes, std::uint32_t offset, std::uint64_t salt) {
  const std::uint32_t whole = claimed_bytes(bytes);
  if (whole == 0 || whole > bytes.size()) return std::nullopt;
  const char* at = bytes.data();
  const auto size = get<std::uint32_t>(at + kSizeAt);
  if (get<std::uint32_t>(at + kCrcAt) != frame_crc(at, size, salt)) return std::nullopt;
  return read_frame_head(bytes, offset);
}

std::optional<Frame> read_frame_head(std::string_view bytes, std::uint32_t offset) {
  if (bytes.size() < kFrameHeaderBytes || !claims_to_be_at(bytes.data(), offset)) return std::nullopt;
  const char* at = bytes.data();
  const auto size = get<std::uint32_t>(at + kSizeAt);
  return Frame{.type = static_cast<RecordType>(get<std::uint32_t>(at + kTypeAt)),
               .id = get<std::uint64_t>(at + kIdAt),
               .offset = offset,
               .payload = bytes.substr(kFrameHeaderBytes, size)};
}

bool claims_to_be_at(const char* header, std::uint32_t offset) {
  return known(get<std::uint32_t>(header + kTypeAt)) && get<std::uint32_t>(header + kOffsetAt) == offset &&
         get<std::uint32_t>(header + kSizeAt) <= kPayloadBytesMax;
}

std::uint32_t claimed_bytes(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes) return 0;
  const auto size = get<std::uint32_t>(bytes.data() + kSizeAt);
  return size > kPayloadBytesMax || !known(get<std::uint32_t>(bytes.data() + kTypeAt)) ? 0 : frame_bytes(size);
}

void write_batch_head(char* payload, const BatchHead& head) {
  put<std::uint32_t>(payload, head.bytes);
  put<std::uint32_t>(payload + 4, head.records);
  put<std::uint64_t>(payload + 8, head.wall_ms | (head.resumed ? kResumed : 0));
}

std::optional<BatchHead> read_batch_head(std::string_view payload) {
  if (payload.size() != kBatchHeadBytes) return std::nullopt;
  const auto time = get<std::uint64_t>(payload.data() + 8);
  const BatchHead head{.bytes = get<std::uint32_t>(payload.data()),
                       .records = get<std::uint32_t>(payload.data() + 4),
                       .wall_ms = time & ~kResumed,
                       .resumed = (time & kResumed) != 0};
  if (head.bytes == 0 || head.bytes % kBlockBytes != 0) return std::nullopt;
  return head;
}

std::string write_segment_head(const SegmentHead& head) {
  std::string block(kBlockBytes, '\0');
  for (const std::size_t at : kHeadsAt) {
    char* copy = block.data() + at;
    std::copy(kMagic.begin(), kMagic.end(), copy);
    put<std::uint32_t>(copy + 8, kVersion);
    put<std::uint32_t>(copy + 12, head.number);
    put<std::uint64_t>(copy + 16, head.salt);
    put<std::uint64_t>(copy + 24, head.created_ms);
    put<std::uint32_t>(copy + kRecordHeadBytes, crc32c(0, {copy, kRecordHeadBytes}));
  }
  return block;
}

HeadFault read_segment_head(std::string_view block, SegmentHead& head) {
  if (block.size() < kBlockBytes) return HeadFault::damaged;
  if (block.find_first_not_of('\0') == std::string_view::npos) return HeadFault::blank;
  for (const std::size_t at : kHeadsAt) {
    const std::string_view copy = block.substr(at, kRecordHeadBytes + 4);
    if (!copy.starts_with(kMagic) ||
        get<std::uint32_t>(copy.data() + kRecordHeadBytes) != crc32c(0, copy.substr(0, kRecordHeadBytes)))
      continue;
    if (get<std::uint32_t>(copy.data() + 8) != kVersion) return HeadFault::other_version;
    head = {.number = get<std::uint32_t>(copy.data() + 12),
            .salt = get<std::uint64_t>(copy.data() + 16),
            .created_ms = get<std::uint64_t>(copy.data() + 24)};
    return HeadFault::none;
  }
  return HeadFault::damaged;
}

}  // namespace sluice::spool
