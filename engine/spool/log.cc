#include "engine/spool/log.h"

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr Duration kPrepareAgain = std::chrono::seconds(1);
constexpr unsigned kStandstillsMax = 100;  // writes in a row that got less than a block further

}  // namespace

Log::Log(io::Loop& loop, Segments& segments, std::atomic<std::uint32_t>& last_number, LogOptions options,
         std::vector<std::string> free, std::function<void(const std::string&)> told)
    : loop_(loop),
      segments_(segments),
      last_number_(last_number),
      options_(std::move(options)),
      free_(std::move(free)),
      told_(std::move(told)),
      memory_(kBatchBytesMax),
      batch_({reinterpret_cast<char*>(memory_.data()), memory_.size()}) {
  CHECK(options_.segment_bytes >= kSegmentBytesMin && options_.segment_bytes <= kSegmentBytesMax &&
        options_.segment_bytes % kBlockBytes == 0);
}

Log::~Log() { CHECK(queue_.empty() && bytes_.empty() && !preparing_); }

void Log::start() { want_segment(); }

Task<bool> Log::write(Write& write) {
  CHECK(!closing_);
  write.location = {};
  queue_.push_back(&write);
  // At the end of the turn: what others write in it goes out together with this.
  loop_.defer(begin_later_);
  co_await write.gate.wait("the spool's disk");
  co_return write.durable;
}

// ------------------------------------------------------------------------------------------ batches

void Log::begin_batch() {
  if (!bytes_.empty() || queue_.empty()) return;
  for (;;) {
    if (active_ == 0) {
      if (spare_.number == 0) {
        want_segment();
        return;
      }
      active_ = segments_.add(std::exchange(spare_, Segment())).number;
    }
    Segment& segment = *segments_.find(active_);
    fill_batch(segment);
    if (batch_.records() > 0) {
      bytes_ = batch_.finish(static_cast<std::uint64_t>(loop_.door().clock.wall()));
      batch_offset_ = offset_ = segment.used;
      standstills_ = 0;
      segment.used += static_cast<std::uint32_t>(bytes_.size());
      // The next one is made while there is still room in this one.
      if (segment.used > segment.bytes / 2) want_segment();
      submit();
      return;
    }
    active_ = 0;  // full
  }
}

void Log::fill_batch(Segment& segment) {
  batch_.begin(segment.number, segment.salt, segment.used, segment.bytes - segment.used);
  if (segment.bytes - segment.used < 2 * kBlockBytes) return;
  while (!queue_.empty()) {
    Write& next = *queue_.front();
    const std::size_t payload = next.head.size() + (next.content != nullptr ? next.content->size() : 0);
    if (!batch_.fits(payload)) return;
    next.location = batch_.add(next.type, next.id, next.head, next.content);
    in_flight_.push_back(&next);
    queue_.pop_front();
  }
}

void Log::submit() {
  loop_.write_file(segments_.find(active_)->file, bytes_, offset_, options_.synced, &on_written, this);
}

void Log::on_written(void* self, const io::Completion& completion) {
  static_cast<Log*>(self)->written(completion.result);
}

void Log::written(std::int32_t result) {
  if (result == static_cast<std::int32_t>(bytes_.size())) {
    succeed();
  } else if (goes_on(result)) {
    return;
  } else {
    abandon(result);
  }
  in_flight_.clear();
  bytes_ = {};
  loop_.defer(begin_later_);
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

void Log::succeed() {
  ++counters_.batches;
  counters_.records += in_flight_.size();
  counters_.bytes += offset_ + bytes_.size() - batch_offset_;
  for (Write* write : in_flight_) {
    write->durable = true;
    if (write->type == RecordType::message || write->type == RecordType::piece)
      segments_.need(write->location.segment);
    write->gate.open();
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
  // Now: where no mail is accepted for want of a segment, no write comes that would ask for one.
  want_segment();
  for (Write* write : in_flight_) write->gate.open();
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
  if (!closing_) loop_.defer(begin_later_);
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
  if (segment == active_ && !trouble_.empty() && bytes_.empty() && queue_.empty()) active_ = 0;
}

void Log::fail_waiting() {
  std::deque<Write*> waiting = std::exchange(queue_, {});
  for (Write* write : waiting) write->gate.open();
}

Task<void> Log::close() {
  while (!queue_.empty() || !bytes_.empty()) co_await loop_.sleep(std::chrono::milliseconds(5), "the spool's last writes");
  closing_ = true;
  co_await tasks_.join("the spool's segments");
  if (spare_.number != 0) segments_.add(std::exchange(spare_, Segment()));
}

}  // namespace sluice::spool
