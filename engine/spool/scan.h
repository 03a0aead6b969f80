// Reading a segment from end to end, whatever its bytes are: every record that checks is passed on, and what does not
// check is passed on as damage.  Used by recovery, by the cleaner and by the reader tool.
// Blocking: on a worker or at start-up.  Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/disk.h"
#include "engine/spool/record.h"

namespace sluice::spool {

struct Damage {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  bool at_end =
      false;  // in the last write of a relay's life that the segment tells of: a crash cuts one short like this
  bool unreadable = false;  // the disk did not give it; what lies there may be whole
};

class ScanVisitor {
 public:
  // The frame's payload is gone after the call.  Batches are passed on too.
  virtual void record(const Frame& frame) = 0;
  // Behind the records of the same write, not in between.
  virtual void damaged(const Damage& damage) = 0;

 protected:
  ScanVisitor() = default;
  ScanVisitor(const ScanVisitor&) = default;
  ScanVisitor& operator=(const ScanVisitor&) = default;
  ~ScanVisitor() = default;
};

class SegmentScan {
 public:
  SegmentScan(io::Disk& disk, int file, std::uint32_t bytes, std::uint64_t salt)
      : disk_(disk), file_(file), bytes_(bytes), salt_(salt) {}

  // All of it, from behind the first block.  Once.
  void run(ScanVisitor& visitor);

 private:
  std::string_view view(std::uint32_t offset, std::size_t wanted);
  void load(std::uint32_t from, std::size_t wanted);
  void load_blocks(std::uint32_t from, std::size_t wanted);
  bool step(ScanVisitor& visitor);
  bool step_over();
  void take(const Frame& frame, ScanVisitor& visitor);
  std::uint32_t next_frame(std::uint32_t from);
  bool worth_checking(std::string_view bytes, std::uint32_t at);
  void end_batch(ScanVisitor& visitor, bool last);

  io::Disk& disk_;
  int file_;
  std::uint32_t bytes_;
  std::uint64_t salt_;
  std::uint32_t at_ = kBlockBytes;
  std::uint32_t batch_end_ = 0;      // where the batch at hand ends, as its head said; 0: not known
  std::uint32_t batch_missing_ = 0;  // records of it that were not found yet
  std::vector<Damage> damage_;       // of the batch at hand
  std::vector<Damage> unreadable_;
  std::uint32_t blocks_unreadable_ = 0;
  std::uint64_t checked_in_vain_ = 0;  // bytes
  std::string window_;
  std::uint32_t window_at_ = 0;
};

// Whether anything in the file checks that was written with that salt.
[[nodiscard]] bool has_records(io::Disk& disk, int file, std::uint32_t bytes, std::uint64_t salt);

}  // namespace sluice::spool
