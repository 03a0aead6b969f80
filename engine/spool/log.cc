#include "engine/spool/log.h"

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

// From here on a batch gains little by growing, and its waiters wait longer: one part of a crowd is written
// while the other is served (bench/spool_commit_bench.cc).
constexpr std::uint32_t kBatchBytesWanted = 256U << 10;
constexpr unsigned kFailedInRowMax = 16;        // writes, on a full disk
constexpr unsigned kWriteStandstillsMax = 100;  // writes in a row that got less than a block further

}  // namespace

Log::Log(io::Loop& loop, Segments& segments, Room& room, std::atomic<std::uint32_t>& last_number, LogOptions options,
         std::vector<FreeFile> free, std::function<void(const std::string&)> on_warning, std::function<void()> more)
    : loop_(loop),
      segments_(segments),
      room_(room),
      last_number_(last_number),
      options_(std::move(options)),
      free_(std::move(free)),
      on_warning_(std::move(on_warning)),
      more_(std::move(more)) {
  CHECK(options_.segment_bytes >= kSegmentBytesMin && options_.segment_bytes <= kSegmentBytesMax &&
        options_.segment_bytes % kBlockBytes == 0);
}

Log::~Log() { CHECK(idle() && !preparing_ && !reusing_ && extending_.empty()); }

void Log::resume(std::uint32_t segment) {
  CHECK(active_ == 0 && segments_.find(segment) != nullptr);
  active_ = segment;
  resumed_ = true;
}

void Log::start() { room_changed(); }

Task<bool> Log::write(Write& write) {
  CHECK(!closing_);
  write.location = {};
  if (removed_ && write.mail) co_return false;
  room_.queue(write.bytes());
  queue_.push(write, write.bytes());
  waits(write, true);
  // A little later: what others write meanwhile goes out together with this.
  loop_.defer_start(gather_later_);
  co_await write.event.wait("the spool's disk");
  waits(write, false);
  co_return write.durable;
}

// A customer's only message does not wait until the thread that writes what is before it has the CPU: a thousand of
// another's would go on in its place.
void Log::waits(const Write& write, bool begins) {
  if (!write.mail) return;
  if (begins) {
    crowd_.add(write.share);
  } else {
    crowd_.remove(write.share);
  }
  loop_.hurry_files(crowd_.uneven());
}

// ------------------------------------------------------------------------------------------ batches

void Log::gather() {
  while (!queue_.empty()) {
    if (active_ == 0) {
      room_changed();
      if (spares_.empty()) return;
      CHECK(segments_.newest() == nullptr || segments_.newest()->number < spares_.front().number);
      active_ = segments_.add(spares_.front()).number;
      spares_.pop_front();
    }
    const bool found_room = lay_out(*segments_.find(active_));
    // A full segment is needed still by what is on its way there.
    if (!bytes_.empty()) return;
    if (found_room) {
      launch();
    } else {
      close_active();
    }
  }
}

// What is left of it will not be written.
void Log::close_active() {
  const Segment& segment = *segments_.find(active_);
  room_.use(segment.bytes - segment.used);
  active_ = 0;
  resumed_ = false;
}

// False: not even one finds room in what is left of the segment.
bool Log::lay_out(Segment& segment) {
  Batch& batch = next_->batch;
  if (next_->writes.empty()) {
    const std::uint32_t room = segment.bytes - segment.used;
    if (room < 2 * kBlockBytes) return false;
    batch.begin(segment.number, segment.salt, segment.used, room);
  }
  while (!queue_.empty() && batch.bytes() < kBatchBytesWanted) {
    Write& write = queue_.front();
    if (!batch.fits(write.payload())) break;
    write.location = batch.add(write.type, write.id, write.head, write.content);
    next_->writes.push_back(&write);
    queue_.pop_front();
  }
  return !next_->writes.empty();
}

void Log::launch() {
  std::swap(next_, in_flight_);
  Segment& segment = *segments_.find(active_);
  for (const Write* write : in_flight_->writes) room_.unqueue(write->bytes());
  bytes_ = in_flight_->batch.finish(static_cast<std::uint64_t>(loop_.platform().clock.wall()),
                                    std::exchange(resumed_, false));
  batch_offset_ = offset_ = segment.used;
  standstills_ = 0;
  launched_at_ = loop_.now();
  segment.used += static_cast<std::uint32_t>(bytes_.size());
  room_.use(bytes_.size());
  // The next one is made while there is still room in this one.
  room_changed();
  submit();
}

void Log::submit() {
  loop_.write_file(segments_.find(active_)->file, bytes_, offset_, options_.synced, &on_written, this);
}

void Log::on_written(void* self, const io::Completion& completion) {
  static_cast<Log*>(self)->written(completion.result);
}

void Log::written(std::int32_t result) {
  const bool whole = result == static_cast<std::int32_t>(bytes_.size());
  if (!whole && goes_on(result)) return;
  std::vector<Write*>& answered = in_flight_->writes;
  if (whole) {
    look_at_name();
    succeed(answered);
  } else {
    abandon(result);
  }
  bytes_ = {};
  // First the disk, then the waiters: what they do takes its time.
  if (!next_->writes.empty()) {
    launch();
    loop_.submit();
  }
  for (Write* write : answered) write->event.set();
  answered.clear();
  if (written_.waiting()) written_.set();
  loop_.defer_start(gather_later_);
}

// Where nothing failed, but not all was written: asks for the rest, from the block on in which it stopped.
bool Log::goes_on(std::int32_t result) {
  const bool interrupted = result == -EINTR || result == -EAGAIN;
  if (!interrupted && result <= 0) return false;
  const std::uint32_t done = interrupted ? 0 : static_cast<std::uint32_t>(result) / kBlockBytes * kBlockBytes;
  standstills_ = interrupted || done > 0 ? 0 : standstills_ + 1;
  if (standstills_ > kWriteStandstillsMax) return false;
  bytes_.remove_prefix(done);
  offset_ += done;
  submit();
  return true;
}

// On a full disk the cleaner may need what is left of a segment: it is given up only where nothing can be written there
// for a while, and never where there is no other.
bool Log::must_go_on_here() const { return !last_error_.empty() && (failed_in_row_ < kFailedInRowMax || !has_next()); }

void Log::succeed(const std::vector<Write*>& writes) {
  failed_in_row_ = 0;
  ++counters_.batches;
  counters_.sync.observe(loop_.now() - launched_at_);
  counters_.records += writes.size();
  counters_.bytes += offset_ + bytes_.size() - batch_offset_;
  for (Write* write : writes) {
    if (removed_ && write->mail) continue;
    write->durable = true;
    if (write->type == RecordType::message || write->type == RecordType::piece) segments_.need(write->location.segment);
  }
}

// What a failed write has left on the disk is not known, and asking again would not tell (facts: a second sync reports
// success for data that is lost).
void Log::abandon(std::int32_t result) {
  ++counters_.failed_batches;
  ++failed_in_row_;
  const bool goes_on = must_go_on_here();
  on_warning_(segment_name(active_) + ": cannot write " + std::to_string(bytes_.size()) + " bytes at " +
              std::to_string(offset_) + ": " + (result < 0 ? std::strerror(-result) : "only a part was written") +
              "; what was in that write was not accepted, and the segment is written " +
              (goes_on ? "behind it" : "no more"));
  resumed_ = goes_on;
  if (!goes_on) close_active();
  // What was laid out behind it was not written: it is for another segment now.
  for (Write* write : next_->writes) write->location = {};
  queue_.put_back(next_->writes);
  next_->writes.clear();
  // Now: where no mail is accepted for want of a segment, no write comes that would ask for one.
  room_changed();
}

std::string Log::place() const {
  if (active_ != 0) return segment_name(active_);
  return spares_.empty() ? "" : segment_name(spares_.front().number);
}

void Log::look_at_name() {
  if (removed_ || !has_place()) return;
  const int file = active_ != 0 ? segments_.find(active_)->file : spares_.front().file;
  const auto links = loop_.platform().disk.links(file);
  if (!links || *links > 0) return;
  removed_ = true;
  on_warning_(
      options_.directory + "/" + place() +
      ": was removed while the relay writes to it: no mail is accepted that would need the spool, until the next "
      "start. What waits goes on being delivered, and is lost where it is not before the relay ends: do not stop it "
      "before `sluicectl queue list` is empty; then see that the directory is there and start it again");
}

void Log::retire(std::uint32_t segment) {
  if (segment == active_ && idle()) close_active();
}

void Log::fail_waiting() {
  for (Write* write : queue_.take_all()) {
    room_.unqueue(write->bytes());
    write->event.set();
  }
  if (written_.waiting()) written_.set();
}

Task<void> Log::close() {
  while (!idle()) co_await written_.wait("the spool's last writes");
  closing_ = true;
  co_await tasks_.join("the spool's segments");
  for (const Segment& spare : spares_) segments_.add(spare);
  spares_.clear();
}

}  // namespace sluice::spool
