// The part of a spool that gives disk space back: the oldest segment goes when nothing needs it, and what is left in it
// is copied forward when the log has become mostly dead.
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

// What is left after a segment was copied forward is held by drafts and readers: it is looked through again only after a
// while.
constexpr Duration kSweepAgain = std::chrono::minutes(1);

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
  const bool just_swept = oldest.number == swept_ && loop_.now() < swept_at_ + kSweepAgain;
  return crowded() && !just_swept;
}

void Spool::cleaning_is_due() {
  if (cleaning_ || closing_) return;
  const Segment* oldest = segments_.oldest();
  if (oldest == nullptr) return;
  if (oldest->needed == 0) log_.retire(oldest->number);
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
  const bool keep = segment.bytes == options_.log.segment_bytes && log_.free_files() < kFreeFilesKept;
  const SegmentEnd end = segment.unreadable ? SegmentEnd::aside : keep ? SegmentEnd::free : SegmentEnd::removed;
  io::Disk& disk = loop_.door().disk;
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
  if (end == SegmentEnd::free) log_.add_free(free_name(number));
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
  io::Disk& disk = loop_.door().disk;
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
  // What does not check is not found by reading, but it is ours: it has to be put aside, or the segment would stay.
  if (!found->complete)
    for (const auto& [id, entry] : index_)
      if (lies_in(id, number)) ids.push_back(id);
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  for (const QueueId id : ids) {
    if (closing_ || loop_.aborting()) co_return false;
    if (!co_await move(id, number)) co_return false;
  }
  co_return true;
}

// A fresh copy of one message, with its latest status, at the end of the log, unless nothing of it is in the segment
// any more.
Task<bool> Spool::move(QueueId id, std::uint32_t number) {
  Turns::Turn turn(turns_, id);
  co_await turn.begun();
  if (!lies_in(id, number)) co_return true;
  auto message = co_await read(id);
  if (!message) co_return co_await put_aside(id, message.error());
  Stored copy = std::move(message->stored);
  copy.pieces.clear();
  for (const Location& piece : std::vector(pieces_of(id).begin(), pieces_of(id).end())) {
    auto octets = co_await read_piece(id, piece);
    Location at;
    if (octets) {
      Chain content;
      content.append(*std::move(octets));
      at = co_await store_piece(id, content);
    }
    if (!at.present()) {
      forget_pieces(copy.pieces);
      if (!octets) co_return co_await put_aside(id, octets.error());
      co_return false;
    }
    copy.pieces.push_back(at);
  }
  const std::string head = encode_message(copy, message->status);
  Chain content;
  content.append(message->content);
  Log::Write write{.type = RecordType::message, .id = id, .head = head, .content = &content};
  if (!co_await log_.write(write)) {
    forget_pieces(copy.pieces);
    co_return false;
  }
  Entry& entry = index_.find(id)->second;
  release(id, entry.message);
  entry.message = write.location;
  entry.status = {};
  if (!copy.pieces.empty()) pieces_.emplace(id, std::move(copy.pieces));
  ++counters_.moved;
  co_return true;
}

}  // namespace sluice::spool
