#include "engine/spool/batch.h"

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr std::uint32_t kFirstRecord = frame_bytes(kBatchHeadBytes);

}  // namespace

Batch::Batch(std::span<char> memory) : memory_(memory) { CHECK(memory.size() >= kBatchBytesMax); }

void Batch::begin(std::uint32_t segment, std::uint64_t salt, std::uint32_t offset, std::uint32_t room) {
  CHECK(offset % kBlockBytes == 0 && room % kBlockBytes == 0);
  segment_ = segment;
  salt_ = salt;
  offset_ = offset;
  room_ = std::min(room, kBatchBytesMax);
  used_ = kFirstRecord;
  records_ = 0;
}

bool Batch::fits(std::size_t payload) const {
  return payload <= kPayloadBytesMax && used_ + frame_bytes(static_cast<std::uint32_t>(payload)) <= room_;
}

Location Batch::add(RecordType type, std::uint64_t id, std::string_view head, const Chain* content) {
  const std::size_t payload = head.size() + (content != nullptr ? content->size() : 0);
  CHECK(fits(payload));
  char* frame = memory_.data() + used_;
  char* at = std::ranges::copy(head, frame + kFrameHeaderBytes).out;
  for (std::size_t i = 0; content != nullptr && i < content->extents(); ++i)
    at = std::ranges::copy((*content)[i].view(), at).out;
  const Location location{segment_, offset_ + used_, static_cast<std::uint32_t>(payload)};
  seal_frame(frame, type, id, location.payload, location.offset, salt_);
  used_ += location.bytes();
  ++records_;
  return location;
}

std::string_view Batch::finish(std::uint64_t wall_ms, bool resumed) {
  const std::uint32_t whole = (used_ + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  CHECK(records_ > 0 && whole <= room_);
  std::memset(memory_.data() + used_, 0, whole - used_);
  write_batch_head(memory_.data() + kFrameHeaderBytes,
                   {.bytes = whole, .records = records_, .wall_ms = wall_ms, .resumed = resumed});
  seal_frame(memory_.data(), RecordType::batch, 0, kBatchHeadBytes, offset_, salt_);
  room_ = 0;
  return {memory_.data(), whole};
}

}  // namespace sluice::spool
