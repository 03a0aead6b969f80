#include "engine/spool/log.h"

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr Duration kPrepareAgain = std::chrono::seconds(1);
// From here on a batch gains little by growing, and whoever waits for it waits longer: one part of a crowd is written
// while the other is served (bench/spool_commit_bench.cc).
constexpr std::uint32_t kBatchBytesWanted = 256U << 10;
constexpr unsigned kStandstillsMax = 100;  // writes in a row that got less than a block further

}  // namespace

Log::Log(io::Loop& loop, Segments& segments, std::atomic<std::uint32_t>& last_number, LogOptions options,
         std::vector<std::string> free, std::function<void(const std::string&)> told)
    : loop_(loop),
      segments_(segments),
      last_number_(last_number),
      options_(std::move(options)),
      free_(std::move(free)),
      told_(std::move(told)) {
  CHECK(options_.segment_bytes >= kSegmentBytesMin && options_.segment_bytes <= kSegmentBytesMax &&
        options_.segment_bytes % kBlockBytes == 0);
}

Log::~Log() { CHECK(idle() && !preparing_); }

void Log::start() { want_segment(); }

Task<bool> Log::write(Write& write) {
  CHECK(!closing_);
  write.location = {};
  queue_.push_back(&write);
  // At the end of the turn: what others write in it goes out together with this.
  loop_.defer(gather_later_);
  co_await write.gate.wait("the spool's disk");
  co_return write.durable;
}

// ------------------------------------------------------------------------------------------ batches

void Log::gather() {
  while (!queue_.empty()) {
    if (active_ == 0) {
      if (spare_.number == 0) {
        want_segment();
        return;
      }
      active_ = segments_.add(std::exchange(spare_, Segment())).number;
    }
    const bool found_room = lay_out(*segments_.find(active_));
    // A full segment is needed still by what is on its way there.
    if (!bytes_.empty()) return;
    if (found_room) {
      launch();
    } else {
      active_ = 0;
    }
  }
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
    Write& write = *queue_.front();
    const std::size_t payload = write.head.size() + (write.content != nullptr ? write.content->size() : 0);
    if (!batch.fits(payload)) break;
    write.location = batch.add(write.type, write.id, write.head, write.content);
    next_->writes.push_back(&write);
    queue_.pop_front();
  }
  return !next_->writes.empty();
}

void Log::launch() {
  std::swap(next_, in_flight_);
  Segment& segment = *segments_.find(active_);
  bytes_ = in_flight_->batch.finish(static_cast<std::uint64_t>(loop_.door().clock.wall()));
  batch_offset_ = offset_ = segment.used;
  standstills_ = 0;
  segment.used += static_cast<std::uint32_t>(bytes_.size());
  // The next one is made while there is still room in this one.
  if (segment.used > segment.bytes / 2) want_segment();
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
    succeed(answered);
  } else {
    abandon(result);
  }
  bytes_ = {};
  // First the disk, then whoever waited: what they do takes its time.
  if (!next_->writes.empty()) {
    launch();
    loop_.submit();
  }
  for (Write* write : answered) write->gate.open();
  answered.clear();
  loop_.defer(gather_later_);
}

// Where nothing failed, but not all was written: asks for the rest, from the block on in which it stopped.
bool Log::goes_on(std::int32_t result) {
  const bool interrupted = result == -EINTR || result == -EAGAIN;
  if (!interrupted && result <= 0) return false;
  const std::uint32_t done = interrupted ? 0 : static_cast<std::uint32_t>(result) / kBlockBytes * kBlockBytes;
  standstills_ = interrupted || done > 0 ? 0 : standstills_ + 1;
  if (standstills_ > kStandstillsMax) return false;
  bytes_.remove_prefix(done);
  offset_ += done;
  submit();
  return true;
}

void Log::succeed(const std::vector<Write*>& writes) {
  ++counters_.batches;
  counters_.records += writes.size();
  counters_.bytes += offset_ + bytes_.size() - batch_offset_;
  for (Write* write : writes) {
    write->durable = true;
    if (write->type == RecordType::message || write->type == RecordType::piece)
      segments_.need(write->location.segment);
  }
}

// What a failed write has left on the disk is not known, and asking again would not tell (facts: a second sync reports
// success for data that is lost).
void Log::abandon(std::int32_t result) {
  ++counters_.failed_batches;
  told_(segment_name(active_) + ": cannot write " + std::to_string(bytes_.size()) + " octets at " +
        std::to_string(offset_) + ": " + (result < 0 ? std::strerror(-result) : "only a part was written") +
        "; what was in that write was not accepted, and the segment is written no more");
  active_ = 0;
  // What was laid out behind it was not written: it is for another segment now.
  for (Write* write : next_->writes) write->location = {};
  queue_.insert(queue_.begin(), next_->writes.begin(), next_->writes.end());
  next_->writes.clear();
  // Now: where no mail is accepted for want of a segment, no write comes that would ask for one.
  want_segment();
}

// ------------------------------------------------------------------------------------------ segments

void Log::want_segment() {
  if (preparing_ || closing_ || spare_.number != 0) return;
  preparing_ = true;
  tasks_.add(prepare());
}

Task<void> Log::prepare() {
  while (!closing_) {
    if (co_await try_prepare()) break;
    // Whoever waits for a place now is told; whoever comes later is refused before anything is accepted.
    if (active_ == 0) fail_waiting();
    if (closing_ || loop_.aborting()) break;
    co_await loop_.sleep(kPrepareAgain, "another try to make a segment of the spool");
  }
  preparing_ = false;
  if (!closing_) loop_.defer(gather_later_);
}

Task<bool> Log::try_prepare() {
  const std::string free = free_.empty() ? std::string() : free_.back();
  if (!free.empty()) free_.pop_back();
  const SegmentHead head{.number = ++last_number_,
                         .salt = loop_.door().random.number(),
                         .created_ms = static_cast<std::uint64_t>(loop_.door().clock.wall())};
  using Made = io::DiskResult<Segment>;
  io::Disk& disk = loop_.door().disk;
  auto made = co_await io::run_on_worker<Made>(
      loop_,
      [&disk, directory = options_.directory, free, head, bytes = options_.segment_bytes] {
        return begin_segment(disk, directory, free, head, bytes);
      },
      "a new segment of the spool");
  if (made && *made) {
    spare_ = **made;
    ++counters_.segments_begun;
    if (!trouble_.empty()) told_("the spool takes mail again");
    trouble_.clear();
    co_return true;
  }
  const std::string why = made ? made->error().text : "too many jobs wait";
  const int error = made ? made->error().error : EAGAIN;
  // Once, not every second: the file's name is another one each time.
  if (trouble_.empty() || error != trouble_error_)
    told_(why + "; no mail is accepted that would need the spool, until there is a new segment");
  trouble_ = why;
  trouble_error_ = error;
  co_return false;
}

void Log::retire(std::uint32_t segment) {
  if (segment == active_ && !trouble_.empty() && idle()) active_ = 0;
}

void Log::fail_waiting() {
  std::deque<Write*> waiting = std::exchange(queue_, {});
  for (Write* write : waiting) write->gate.open();
}

Task<void> Log::close() {
  while (!idle()) co_await loop_.sleep(std::chrono::milliseconds(5), "the spool's last writes");
  closing_ = true;
  co_await tasks_.join("the spool's segments");
  if (spare_.number != 0) segments_.add(std::exchange(spare_, Segment()));
}

}  // namespace sluice::spool
