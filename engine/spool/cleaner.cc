// The part of a spool that gives disk space back: the oldest segment goes when nothing needs it, and what is left in it
// is copied forward (moving.cc) when the log has become mostly dead; on a full disk, as soon as that gains enough.
#include <algorithm>
#include <vector>

#include "engine/base/check.h"
#include "engine/spool/scan.h"
#include "engine/spool/spool.h"

namespace sluice::spool {
namespace {

// A log of fewer segments is left alone, however dead it is.
constexpr std::size_t kSegmentsKept = 4;
// Copying pays when at least half of the log is dead: then a segment costs at most as much writing as it gives back.
constexpr std::uint64_t kDeadShare = 2;
constexpr std::size_t kFreeFilesKept = 2;

// What is left after a segment was copied forward is held by drafts and readers: it is looked through again only after
// a while.
constexpr Duration kSweepAgain = std::chrono::minutes(1);
constexpr Duration kSweepFullAgain = std::chrono::seconds(5);
// Messages that are copied at a time: many go into one write, so that they take no more space than where they were.
constexpr std::uint64_t kCopiedBytes = 512U << 10;
constexpr std::size_t kCopiedMessages = 256;

// The messages that a segment tells of.
struct Told {
  std::vector<QueueId> ids;
  bool complete = true;
};

class Collector final : public ScanVisitor {
 public:
  void record(const Frame& frame) override {
    if (frame.type == RecordType::message || frame.type == RecordType::piece) told.ids.push_back(frame.id);
  }
  void damaged(const Damage& /*damage*/) override { told.complete = false; }
  Told told;
};

}  // namespace

// Mostly dead, and long enough for that to matter.
bool Spool::crowded() const {
  return segments_.count() > kSegmentsKept && live_bytes() * kDeadShare < segments_.bytes();
}

bool Spool::can_be_cleaned(const Segment& oldest) const {
  if (log_.writes(oldest.number)) return false;
  if (oldest.needed == 0) return true;
  const bool just_swept =
      oldest.number == swept_ && loop_.now() < swept_at_ + (is_full() ? kSweepFullAgain : kSweepAgain);
  return !just_swept && (crowded() || (is_full() && room_.gains_by_cleaning()));
}

void Spool::cleaning_is_due() {
  if (cleaning_ || closing_) return;
  const Segment* oldest = segments_.oldest();
  if (oldest == nullptr) return;
  // All that is dead may lie in the segment that is being written.
  const bool gains = oldest->needed == 0 || (log_.has_next() && room_.gains_by_cleaning());
  if (is_full() && gains) log_.retire(oldest->number);
  if (!can_be_cleaned(*oldest)) return;
  cleaning_ = true;
  tasks_.add(clean());
}

Task<void> Spool::clean() {
  // Not in the middle of what brought us here.
  co_await loop_.sleep(Duration::zero(), "a turn to clean the spool");
  while (!closing_ && !loop_.aborting()) {
    const Segment* oldest = segments_.oldest();
    if (oldest == nullptr || !can_be_cleaned(*oldest)) break;
    const std::uint32_t number = oldest->number;
    if (oldest->needed > 0) {
      swept_ = number;
      swept_at_ = loop_.now();
      if (!co_await move_forward(number)) break;
    } else if (!co_await recycle(number)) {
      break;
    }
  }
  cleaning_ = false;
}

// False when that failed: it is tried again, and no later segment goes before this one.
Task<bool> Spool::recycle(std::uint32_t number) {
  Segment& segment = *segments_.find(number);
  const int file = std::exchange(segment.file, -1);
  const std::uint32_t bytes = segment.bytes;
  const bool fits = is_segment_size(bytes) && (bytes == options_.log.segment_bytes || is_full());
  const bool keep = fits && (log_.free_files() < kFreeFilesKept || !room_.can_spare(bytes));
  const SegmentEnd end = segment.unreadable ? SegmentEnd::aside : keep ? SegmentEnd::free : SegmentEnd::removed;
  io::Disk& disk = loop_.platform().disk;
  using Done = io::DiskResult<void>;
  const auto done = co_await io::run_on_worker<Done>(
      loop_,
      [&disk, directory = options_.log.directory, number, file, end] {
        return end_segment(disk, directory, number, file, end);
      },
      "a segment of the spool to be recycled");
  if (!done) segments_.find(number)->file = file;  // nobody has closed it
  if (!done || !*done) {
    if (std::exchange(not_recycled_, number) != number)
      told_(segment_name(number) + ": cannot be recycled: " + (done ? done->error().text : "too many jobs wait") +
            "; it is tried again");
    co_return false;
  }
  segments_.remove(number);
  ++counters_.recycled;
  if (end == SegmentEnd::free) {
    log_.add_free({.name = free_name(number), .bytes = bytes});
  } else {
    room_.remove_file(bytes, 0);
    log_.room_changed();
  }
  co_return true;
}

bool Spool::lies_in(QueueId id, std::uint32_t segment) const {
  const auto at = index_.find(id);
  if (at == index_.end()) return false;
  return at->second.message.segment == segment ||
         std::ranges::any_of(pieces_of(id), [segment](const Location& piece) { return piece.segment == segment; });
}

// Copies what is alive in the segment to the end of the log.  False when that cannot be done now.
Task<bool> Spool::move_forward(std::uint32_t number) {
  const Segment segment = *segments_.find(number);
  io::Disk& disk = loop_.platform().disk;
  Pin pin(segments_);
  pin.hold(number);
  auto found = co_await io::run_on_worker<Told>(
      loop_,
      [&disk, segment] {
        Collector collector;
        SegmentScan(disk, segment.file, segment.used, segment.salt).run(collector);
        return std::move(collector.told);
      },
      "a segment of the spool to be read");
  if (!found) co_return false;
  std::vector<QueueId>& ids = found->ids;
  // What does not check is not found by reading, but it is ours: it has to be quarantined, or the segment would stay.
  if (!found->complete)
    for (const auto& [id, entry] : index_)
      if (lies_in(id, number)) ids.push_back(id);
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  for (std::size_t at = 0; at < ids.size();) {
    std::vector<QueueId> group;
    std::uint64_t bytes = 0;
    for (; at < ids.size() && group.size() < kCopiedMessages && bytes < kCopiedBytes; ++at) {
      if (!lies_in(ids[at], number)) continue;
      group.push_back(ids[at]);
      bytes += index_.find(ids[at])->second.message.bytes();
    }
    if (closing_ || loop_.aborting()) co_return false;
    if (!co_await move_all(group, number)) co_return false;
  }
  co_return co_await move_drafts(number);
}

}  // namespace sluice::spool
