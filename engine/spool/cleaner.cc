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

// The messages that a segment tells of.
class Ids final : public ScanVisitor {
 public:
  void record(const Frame& frame) override {
    if (frame.type == RecordType::message || frame.type == RecordType::piece) ids.push_back(frame.id);
  }
  void damaged(const Damage& /*damage*/) override {}
  std::vector<QueueId> ids;
};

}  // namespace

void Spool::cleaning_is_due() {
  if (cleaning_ || closing_) return;
  const Segment* oldest = segments_.oldest();
  if (oldest == nullptr || log_.writes(oldest->number)) return;
  const bool crowded = segments_.count() > kSegmentsKept && live_bytes() * kDeadShare < segments_.bytes();
  if (oldest->needed > 0 && !crowded) return;
  cleaning_ = true;
  tasks_.add(clean());
}

Task<void> Spool::clean() {
  // Not in the middle of what brought us here.
  co_await loop_.sleep(Duration::zero(), "a turn to clean the spool");
  while (!closing_ && !loop_.aborting()) {
    Segment* oldest = segments_.oldest();
    if (oldest == nullptr || log_.writes(oldest->number)) break;
    const std::uint32_t number = oldest->number;
    if (oldest->needed > 0) {
      const bool crowded = segments_.count() > kSegmentsKept && live_bytes() * kDeadShare < segments_.bytes();
      if (!crowded || !co_await move_forward(number)) break;
      // Whoever reads or writes there still holds it: another time.
      if (segments_.find(number)->needed > 0) break;
    }
    if (!co_await recycle(number)) break;
  }
  cleaning_ = false;
}

Task<bool> Spool::recycle(std::uint32_t number) {
  const Segment segment = *segments_.find(number);
  segments_.remove(number);
  const bool keep = segment.bytes == options_.log.segment_bytes && log_.free_files() < kFreeFilesKept;
  io::Disk& disk = loop_.door().disk;
  using Done = io::DiskResult<void>;
  const auto done = co_await io::run_on_worker<Done>(
      loop_,
      [&disk, directory = options_.log.directory, number, file = segment.file, keep] {
        return end_segment(disk, directory, number, file, keep);
      },
      "a segment of the spool to be recycled");
  if (!done || !*done) {
    told_(segment_name(number) + ": cannot be recycled: " + (done ? done->error().text : "too many jobs wait") +
          "; the next start finds it again");
    co_return false;
  }
  ++counters_.recycled;
  if (keep) log_.add_free(free_name(number));
  co_return true;
}

// Copies what is alive in the segment to the end of the log.  False when that cannot be done now.
Task<bool> Spool::move_forward(std::uint32_t number) {
  const Segment segment = *segments_.find(number);
  io::Disk& disk = loop_.door().disk;
  using Found = io::DiskResult<std::vector<QueueId>>;
  Pin pin(segments_);
  pin.hold(number);
  auto found = co_await io::run_on_worker<Found>(
      loop_,
      [&disk, segment]() -> Found {
        Ids ids;
        SegmentScan scan(disk, segment.file, segment.used, segment.salt);
        if (auto done = scan.run(ids); !done) return std::unexpected(done.error());
        return std::move(ids.ids);
      },
      "a segment of the spool to be read");
  if (!found || !*found) co_return false;
  std::vector<QueueId>& ids = **found;
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  for (const QueueId id : ids) {
    if (closing_ || loop_.aborting()) co_return false;
    if (!co_await move(id)) co_return false;
  }
  co_return true;
}

// A fresh copy of one message, with its latest status, at the end of the log.
Task<bool> Spool::move(QueueId id) {
  auto at = index_.find(id);
  if (at == index_.end()) co_return true;
  if (at->second.changing > 0 || at->second.moving) co_return true;  // it stays: another time
  at->second.moving = true;
  auto message = co_await read(id);
  bool moved = false;
  if (message) {
    Stored copy = message->stored;
    if (co_await copy_pieces(id, message->stored, copy)) {
      const std::string head = encode_message(copy, message->status);
      Chain content;
      content.append(message->content);
      Log::Write write{.type = RecordType::message, .id = id, .head = head, .content = &content};
      moved = co_await log_.write(write);
      if (moved) {
        at = index_.find(id);
        CHECK(at != index_.end());
        release(at->second.message, message->stored.pieces);
        at->second.message = write.location;
        at->second.status = {};
        ++counters_.moved;
      }
    }
    if (!moved) forget_pieces(copy.pieces);
  }
  index_.find(id)->second.moving = false;
  if (!message) co_await set_aside(id, message.error());
  co_return moved || !message;
}

// On failure `copy` holds the pieces that were written.
Task<bool> Spool::copy_pieces(QueueId id, const Stored& old, Stored& copy) {
  copy.pieces.clear();
  for (const Location& piece : old.pieces) {
    auto octets = co_await read_piece(id, piece);
    if (!octets) co_return false;
    Chain content;
    content.append(*std::move(octets));
    const Location at = co_await store_piece(id, content);
    if (!at.present()) co_return false;
    copy.pieces.push_back(at);
  }
  co_return true;
}

}  // namespace sluice::spool
