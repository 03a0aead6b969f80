// What one write carries: records laid out as they will be on disk, from a batch record to the end of a block.
// Pure but for the memory that it is given.  Owned by a Log; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/spool/record.h"

namespace sluice::spool {

class Batch {
 public:
  // `memory`: at least kBatchBytesMax bytes, which outlive the batch.
  explicit Batch(std::span<char> memory);

  // Empty, for `offset` of the segment, where `room` bytes are left.
  void begin(std::uint32_t segment, std::uint64_t salt, std::uint32_t offset, std::uint32_t room);
  // Whether a record with so many bytes of payload still finds room.
  [[nodiscard]] bool fits(std::size_t payload) const;
  // Copies the payload: `head`, then `content`, which may be null.
  Location add(RecordType type, std::uint64_t id, std::string_view head, const Chain* content);
  [[nodiscard]] std::uint32_t records() const { return records_; }
  [[nodiscard]] std::uint32_t bytes() const { return used_; }
  // All of it, for the disk.  Nothing can be added until begin().  `resumed`: see BatchHead.
  std::string_view finish(std::uint64_t wall_ms, bool resumed = false);

 private:
  std::span<char> memory_;
  std::uint32_t segment_ = 0;
  std::uint64_t salt_ = 0;
  std::uint32_t offset_ = 0;
  std::uint32_t room_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t records_ = 0;
};

}  // namespace sluice::spool
