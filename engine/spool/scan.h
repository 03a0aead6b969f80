// Reading a segment from end to end, whatever its octets are: every record that checks is told, and what does not
// check is told as damage.  Used by recovery, by the cleaner and by the reader tool.
// Blocking: on a worker or at start-up.  Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/io/disk.h"
#include "engine/spool/record.h"

namespace sluice::spool {

struct Damage {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  bool at_end = false;  // nothing that checks follows: a write that a crash cut short looks like this
};

class ScanVisitor {
 public:
  // The frame's payload is gone after the call.
  virtual void record(const Frame& frame) = 0;
  virtual void damaged(const Damage& damage) = 0;

 protected:
  ~ScanVisitor() = default;
};

class SegmentScan {
 public:
  SegmentScan(io::Disk& disk, int file, std::uint32_t bytes, std::uint64_t salt)
      : disk_(disk), file_(file), bytes_(bytes), salt_(salt) {}

  // All of it, from behind the first block.  The error is the disk's.
  io::DiskResult<void> run(ScanVisitor& visitor);

 private:
  io::DiskResult<std::string_view> view(std::uint32_t offset, std::size_t wanted);
  io::DiskResult<std::uint32_t> next_frame(std::uint32_t from);
  io::DiskResult<bool> step(ScanVisitor& visitor);
  io::DiskResult<bool> step_over(ScanVisitor& visitor);
  void end_batch(ScanVisitor& visitor);

  io::Disk& disk_;
  int file_;
  std::uint32_t bytes_;
  std::uint64_t salt_;
  std::uint32_t at_ = kBlockBytes;
  std::uint32_t batch_end_ = 0;      // where the batch at hand ends, as its head said; 0: no batch
  std::uint32_t batch_missing_ = 0;  // records of it that were not found yet
  std::string window_;
  std::uint32_t window_at_ = 0;
};

}  // namespace sluice::spool
