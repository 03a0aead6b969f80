// Writes the segments of the trace: adds blocks to the last one, makes its index when it is full, and removes the
// oldest ones.  One thread; blocking.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/disk.h"
#include "engine/io/plain_file.h"

namespace sluice::trace {

struct SegmentLimits {
  std::uint32_t days = 30;
  std::uint64_t bytes_max = std::uint64_t{4} << 30;       // of all segments
  std::uint64_t free_bytes_min = std::uint64_t{2} << 30;  // what the disk has left for others, the spool above all
  std::uint64_t segment_bytes = 0;                        // 0: kSegmentBytes
};

class SegmentWriter {
 public:
  // `disk` outlives it.
  SegmentWriter(io::Disk& disk, std::string directory, const SegmentLimits& limits)
      : disk_(disk), directory_(std::move(directory)), limits_(limits) {}
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // So that the directory and a segment are there.
  std::expected<void, std::string> prepare(WallMillis now);
  // Adds a block; the directory and its files are made, or gone on with, if need be.  After an error nothing of the
  // block is in the file, and the next call begins anew.  The error is a sentence.
  std::expected<void, std::string> append(std::string_view block, WallMillis now);
  // Removes what is too old, or too much.
  std::expected<void, std::string> remove_oldest(WallMillis now);
  // What could not be done though all blocks are written: a sentence about an index, or about what is too old; empty:
  // nothing.
  [[nodiscard]] const std::string& fault() const { return index_fault_.empty() ? removal_fault_ : index_fault_; }

 private:
  std::expected<void, std::string> open(WallMillis now);
  void index(std::uint64_t number);
  std::expected<void, std::string> remove_what_is_too_much(WallMillis now);
  std::expected<void, std::string> remove_segment(std::uint64_t number);
  [[nodiscard]] std::uint64_t segment_bytes() const;

  io::Disk& disk_;
  const std::string directory_;
  const SegmentLimits limits_;
  int lock_ = -1;
  std::optional<io::PlainFile> file_;
  std::uint64_t number_ = 0;  // of the segment that is being written, once there is one
  std::uint64_t size_ = 0;
  std::size_t blocks_ = 0;
  WallMillis begun_ = 0;
  std::string index_fault_;
  std::string removal_fault_;
};

}  // namespace sluice::trace
