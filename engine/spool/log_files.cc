// The part of a log that keeps segments ready to be written: new files while Room needs them, and free ones as they are
// needed.
#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/spool/log.h"

namespace sluice::spool {
namespace {

constexpr Duration kMakeAgain = std::chrono::seconds(1);

}  // namespace

bool Log::needs_spare() const {
  if (!spares_.empty()) return false;
  if (active_ == 0) return true;
  const Segment& segment = *segments_.find(active_);
  return segment.used > segment.bytes / 2;
}

void Log::room_changed() {
  if (closing_) return;
  clear_last_error();
  if (!reusing_ && !free_.empty() && needs_spare()) {
    reusing_ = true;
    tasks_.add(reuse_files());
  }
  if (!preparing_ && needs_file()) {
    preparing_ = true;
    tasks_.add(make_files());
  }
}

void Log::add_free(FreeFile file) {
  room_.refill(file.bytes);
  free_.push_back(std::move(file));
  room_changed();
  more_();
}

Task<bool> Log::extend() {
  if (closing_ || !last_error_.empty()) co_return false;
  Extension extension;
  extending_.push_back(&extension);
  room_changed();
  co_await extension.event.wait("another segment of the spool");
  co_return extension.made;
}

void Log::tell_extended(bool made) {
  for (Extension* extension : std::exchange(extending_, {})) {
    extension->made = made;
    extension->event.set();
  }
}

Task<void> Log::make_files() {
  while (!closing_ && needs_file()) {
    FreeFile fresh{.name = {}, .bytes = options_.segment_bytes};
    const bool made = co_await begin(fresh);
    tell_extended(made);
    if (made) {
      clear_last_error();
      more_();
      loop_.defer_start(gather_later_);
      continue;
    }
    more_();
    // Waiters for a place fail now; later messages are refused before anything is accepted.
    if (!has_place() && free_.empty()) fail_waiting();
    if (closing_ || loop_.aborting()) break;
    co_await loop_.sleep(kMakeAgain, "another try to make a segment of the spool");
  }
  tell_extended(false);
  preparing_ = false;
}

Task<void> Log::reuse_files() {
  while (!closing_ && !free_.empty() && needs_spare()) {
    FreeFile file = std::move(free_.back());
    free_.pop_back();
    reuse_failed_ = !co_await begin(file);
    if (!reuse_failed_) {
      clear_last_error();
      more_();
      loop_.defer_start(gather_later_);
      continue;
    }
    if (file.name.empty()) {
      room_.remove_file(file.bytes, file.bytes - kBlockBytes);
    } else {
      free_.insert(free_.begin(), std::move(file));
    }
    if (!has_place()) fail_waiting();
    if (closing_ || loop_.aborting()) break;
    co_await loop_.sleep(kMakeAgain, "another try to use a file of the spool again");
  }
  reusing_ = false;
  room_changed();
}

// Makes a ready segment of the file, or of a new one.  False: `file` is what is left of it.
Task<bool> Log::begin(FreeFile& file) {
  // One at a time: recovery goes by the order of segments, so the one that is ready first has the lower number.
  KeyedMutex::Lock lock(beginning_, 0);
  co_await lock.acquired();
  const bool fresh = file.name.empty();
  const SegmentHead head{.number = ++last_number_,
                         .salt = loop_.platform().random.number(),
                         .created_ms = static_cast<std::uint64_t>(loop_.platform().clock.wall())};
  struct Begun {
    io::DiskResult<Segment> segment;
    FreeFile file;
  };
  io::Disk& disk = loop_.platform().disk;
  auto begun = co_await io::run_on_worker<Begun>(
      loop_,
      [&disk, directory = options_.directory, file, head]() mutable {
        auto segment = begin_segment(disk, directory, file, head);
        return Begun{.segment = std::move(segment), .file = std::move(file)};
      },
      "a new segment of the spool");
  if (begun) file = std::move(begun->file);
  if (begun && begun->segment) {
    const Segment& segment = *begun->segment;
    if (fresh) room_.add_file(segment.bytes, segment.bytes - segment.used);
    spares_.push_back(segment);
    ++counters_.segments_begun;
    co_return true;
  }
  cannot_make(begun ? begun->segment.error() : io::DiskError{.error = EAGAIN, .text = "too many jobs wait"});
  co_return false;
}

// Once, not every second: the file's name is another one each time.
void Log::cannot_make(const io::DiskError& error) {
  if (last_error_.empty() || error.error != last_errno_)
    on_warning_(error.text + "; no mail is accepted that would need the spool, until there is a new segment");
  last_error_ = error.text;
  last_errno_ = error.error;
}

void Log::clear_last_error() {
  if (last_error_.empty() || reuse_failed_ || room_.needs_file()) return;
  last_error_.clear();
  on_warning_("the spool takes mail again");
}

}  // namespace sluice::spool
