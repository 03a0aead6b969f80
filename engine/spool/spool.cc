#include "engine/spool/spool.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr Duration kWatchEvery = std::chrono::seconds(1);
constexpr Duration kWriteAgain = std::chrono::seconds(1);

std::uint32_t kilobytes_of(const Location& message, std::span<const Location> pieces) {
  std::uint64_t bytes = message.bytes();
  for (const Location& piece : pieces) bytes += piece.bytes();
  return static_cast<std::uint32_t>((bytes + 1023) / 1024);
}

}  // namespace

Spool::Spool(io::Loop& loop, std::atomic<std::uint32_t>& last_number, SpoolOptions options, Share share,
             std::function<void(const std::string&)> told)
    : loop_(loop),
      options_(std::move(options)),
      told_(std::move(told)),
      index_(std::move(share.index)),
      pieces_(std::move(share.pieces)),
      log_(loop, segments_, last_number, options_.log, std::move(share.free), told_) {
  for (const Segment& segment : share.segments) segments_.add(segment);
  for (const auto& [id, entry] : index_) live_kilobytes_ += entry.kilobytes;
}

Spool::~Spool() {
  CHECK(tasks_.live() == 0 && !watch_.armed());
  close_files();
}

void Spool::close_files() {
  segments_.for_each([this](Segment& segment) {
    if (segment.file >= 0) loop_.door().disk.close(std::exchange(segment.file, -1));
  });
}

void Spool::start() {
  log_.start();
  on_watch(this);
  cleaning_is_due();
}

std::string Spool::trouble() const {
  if (!log_.trouble().empty()) return log_.trouble();
  if (low_) return options_.log.directory + ": too little space is left on the file system";
  return log_.ready() ? "" : "the first segment is being made";
}

// ------------------------------------------------------------------------------------------ what is known

std::span<const Location> Spool::pieces_of(QueueId id) const {
  const auto at = pieces_.find(id);
  return at == pieces_.end() ? std::span<const Location>() : std::span(at->second);
}

void Spool::release(QueueId id, const Location& message) {
  segments_.release(message.segment);
  for (const Location& piece : pieces_of(id)) segments_.release(piece.segment);
  pieces_.erase(id);
}

void Spool::forget(QueueId id) {
  const auto at = index_.find(id);
  CHECK(at != index_.end());
  release(id, at->second.message);
  live_kilobytes_ -= at->second.kilobytes;
  index_.erase(at);
  cleaning_is_due();
}

// ------------------------------------------------------------------------------------------ writing

Task<bool> Spool::store(QueueId id, const Stored& stored, const message::DeliveryStatus& status,
                        const Chain& content) {
  const std::string head = encode_message(stored, status);
  if (head.empty() || content.size() > kPieceBytesMax) co_return false;
  Log::Write write{.type = RecordType::message, .id = id, .head = head, .content = &content};
  if (!co_await log_.write(write)) {
    ++counters_.not_stored;
    // It may be on the disk all the same, and its client will send it again.
    if (write.location.present()) tasks_.add(cancel(id));
    co_return false;
  }
  const std::uint32_t kilobytes = kilobytes_of(write.location, stored.pieces);
  const bool fresh = index_.emplace(id, Entry{.message = write.location, .status = {}, .kilobytes = kilobytes}).second;
  CHECK(fresh);
  if (!stored.pieces.empty()) pieces_.emplace(id, stored.pieces);
  live_kilobytes_ += kilobytes;
  ++counters_.stored;
  co_return true;
}

Task<Location> Spool::store_piece(QueueId id, const Chain& content) {
  CHECK(content.size() <= kPieceBytesMax);
  Log::Write write{.type = RecordType::piece, .id = id, .head = {}, .content = &content};
  if (!co_await log_.write(write)) co_return Location();
  co_return write.location;
}

void Spool::forget_pieces(const std::vector<Location>& pieces) {
  for (const Location& piece : pieces) segments_.release(piece.segment);
  cleaning_is_due();
}

// A record that must get to the disk whatever happens to one write.
Task<bool> Spool::write_until_kept(Log::Write& write) {
  while (!co_await log_.write(write)) {
    if (closing_ || loop_.aborting()) co_return false;
    co_await loop_.sleep(kWriteAgain, "another try to write to the spool");
  }
  co_return true;
}

Task<void> Spool::cancel(QueueId id) {
  Log::Write write{.type = RecordType::done, .id = id};
  co_await write_until_kept(write);
}

Task<bool> Spool::update(QueueId id, const message::DeliveryStatus& status) {
  Turns::Turn turn(turns_, id);
  co_await turn.begun();
  if (!index_.contains(id)) co_return true;
  const std::string head = encode_status(status);
  Log::Write write{.type = RecordType::status, .id = id, .head = head};
  if (!co_await write_until_kept(write)) co_return false;
  const auto at = index_.find(id);
  CHECK(at != index_.end());
  at->second.status = write.location;
  co_return true;
}

Task<bool> Spool::finish(QueueId id) {
  Turns::Turn turn(turns_, id);
  co_await turn.begun();
  if (!index_.contains(id)) co_return true;
  Log::Write write{.type = RecordType::done, .id = id};
  if (!co_await write_until_kept(write)) co_return false;
  forget(id);
  ++counters_.finished;
  co_return true;
}

Task<void> Spool::close() {
  loop_.timers().disarm(watch_);
  closing_ = true;
  co_await tasks_.join("the spool's own work");
  co_await log_.close();
  close_files();
}

// ------------------------------------------------------------------------------------------ space

void Spool::on_watch(void* context) {
  auto& self = *static_cast<Spool*>(context);
  self.cleaning_is_due();
  self.tasks_.add(self.look_at_space());
}

Task<void> Spool::look_at_space() {
  using Free = io::DiskResult<std::uint64_t>;
  io::Disk& disk = loop_.door().disk;
  const auto free = co_await io::run_on_worker<Free>(
      loop_, [&disk, directory = options_.log.directory] { return disk.free_bytes(directory); },
      "the file system's free space");
  if (free && *free) {
    const bool low = **free < options_.free_bytes_min;
    if (low != low_)
      told_(options_.log.directory + ": " + std::to_string(**free / 1024 / 1024) + " MiB are left on the file system, " +
            (low ? "less than spool.free_bytes_min: mail is answered with 452 until there is more" : "enough again"));
    low_ = low;
  }
  looked_ = true;
  if (!closing_) loop_.timers().arm(watch_, loop_.now() + kWatchEvery);
}

}  // namespace sluice::spool
