#include "engine/spool/spool.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::spool {
namespace {

constexpr Duration kWatchEvery = std::chrono::seconds(1);
constexpr Duration kWatchIdleEvery = std::chrono::seconds(10);  // while there is no mail, and nothing is wrong
constexpr Duration kWriteAgain = std::chrono::seconds(1);
constexpr Duration kAskAgain = std::chrono::milliseconds(50);
// Cleaning makes promises wait for moments: only what lasts is worth telling.
constexpr Duration kWarnedAfter = std::chrono::seconds(3);
// Of one delivery attempt: its result, that reports were sent, and the end.
constexpr std::uint64_t kRecordsOfAttempt = 3;

// Behind the directory's path.
constexpr const char* kRemoved =
    ": was removed while the relay runs; let `sluicectl queue list` become empty, then start the relay again";
constexpr const char* kAway = ": is not at its path: move or mount it back there";

std::uint64_t promised_bytes(std::size_t recipients) {
  const std::uint64_t record = frame_bytes(kBatchHeadBytes) + frame_bytes(bare_status_bytes_max(recipients));
  return kRecordsOfAttempt * io::disk_blocks_up(record);
}

std::uint64_t bytes_of(std::span<const Location> pieces) {
  std::uint64_t bytes = 0;
  for (const Location& piece : pieces) bytes += piece.bytes();
  return bytes;
}

std::uint32_t longest_file(const SpoolOptions& options, const Share& share) {
  std::uint32_t bytes = options.log.segment_bytes;
  for (const Segment& segment : share.segments) bytes = std::max(bytes, segment.bytes);
  for (const FreeFile& file : share.free) bytes = std::max(bytes, file.bytes);
  return bytes;
}

}  // namespace

Spool::Spool(io::Loop& loop, std::atomic<std::uint32_t>& last_number, SpoolOptions options, Share share,
             std::function<void(const std::string&)> on_warning)
    : loop_(loop),
      options_(std::move(options)),
      on_warning_(std::move(on_warning)),
      index_(std::move(share.index)),
      pieces_(std::move(share.pieces)),
      room_(longest_file(options_, share)),
      log_(loop, segments_, room_, last_number, options_.log, share.free, on_warning_, [this] {
        watch_promises();
        notice_settled();
      }) {
  for (const FreeFile& file : share.free) room_.add_file(file.bytes, file.bytes - kBlockBytes);
  for (const Segment& segment : share.segments) {
    segments_.add(segment);
    room_.add_file(segment.bytes, 0);
  }
  for (const auto& [id, entry] : index_) {
    room_.keep(std::uint64_t{entry.kilobytes} * 1024);
    if (entry.status.present()) room_.keep_status(entry.status.bytes());
  }
  resume_newest();
}

// What was not written of it in an earlier life would be lost until it is cleaned, and on a full disk that may need it.
void Spool::resume_newest() {
  const Segment* newest = segments_.newest();
  if (newest == nullptr || !newest->writable || newest->unreadable || newest->bytes % kBlockBytes != 0) return;
  if (newest->used + 2 * kBlockBytes > newest->bytes) return;
  room_.regain(newest->bytes - newest->used);
  log_.resume(newest->number);
}

Spool::~Spool() {
  CHECK(tasks_.live() == 0 && !watch_.armed());
  close_files();
}

void Spool::close_files() {
  segments_.for_each([this](Segment& segment) {
    if (segment.file >= 0) loop_.platform().disk.close(std::exchange(segment.file, -1));
  });
}

void Spool::start() {
  log_.start();
  on_watch(this);
  cleaning_is_due();
}

void Spool::notice_settled() {
  if (settled()) on_settled_();
}

std::string Spool::refusal_reason() const {
  if (log_.is_removed()) return options_.log.directory + kRemoved;
  if (away_) return options_.log.directory + kAway;
  if (!log_.last_error().empty()) return log_.last_error();
  if (low_) return options_.log.directory + ": too little space is left on the file system";
  return log_.takes_mail() ? "" : "the first segment is being made";
}

// Of a message that could not be kept just now.
std::string Spool::why_not_kept() const {
  std::string why = refusal_reason();
  return why.empty() ? "no room is left in the spool" : why;
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
  room_.release(std::uint64_t{at->second.kilobytes} * 1024);
  if (at->second.status.present()) room_.release_status(at->second.status.bytes());
  index_.erase(at);
  cleaning_is_due();
}

// ------------------------------------------------------------------------------------------ room

bool Spool::make_room(Purpose purpose, std::uint64_t bytes) {
  if (!room_.takes(purpose, bytes)) return false;
  room_.keep(bytes);
  return true;
}

// False: there is none, and no other file can be made.
Task<bool> Spool::wait_for_room(Purpose purpose, std::uint64_t bytes) {
  while (!make_room(purpose, bytes)) {
    cleaning_is_due();
    if (!co_await log_.extend()) co_return make_room(purpose, bytes);
  }
  co_return true;
}

std::optional<Promise> Spool::promise(std::size_t recipients) {
  const std::uint64_t bytes = promised_bytes(recipients);
  if (room_.promise(bytes)) return Promise(room_, bytes);
  refuse_promise();
  return std::nullopt;
}

bool Spool::cover(Promise& promise, std::size_t recipients) {
  if (promise.grow(promised_bytes(recipients))) return true;
  refuse_promise();
  return false;
}

void Spool::refuse_promise() {
  if (refused_since_ == Instant::max()) refused_since_ = loop_.now();
  log_.room_changed();
  cleaning_is_due();
}

Task<std::optional<Promise>> Spool::await_promise(std::size_t recipients) {
  for (;;) {
    auto promised = promise(recipients);
    if (promised || closing_ || loop_.aborting()) co_return promised;
    co_await loop_.sleep(kAskAgain, "room in the spool");
  }
}

std::string Spool::no_room() const {
  if (refused_since_ == Instant::max() || loop_.now() < refused_since_ + kWarnedAfter) return "";
  return "no delivery attempt starts, because the spool has no room to record its outcome: " +
         (is_full() ? log_.last_error() : "it is being cleaned");
}

// Room may have come: those whose promise was refused ask again.
void Spool::watch_promises() {
  if (refused_since_ == Instant::max()) return;
  const auto promised = promise(1);
  if (!promised) {
    if (std::string why = no_room(); !why.empty() && !std::exchange(refusal_warned_, true)) on_warning_(why);
    return;
  }
  refused_since_ = Instant::max();
  if (std::exchange(refusal_warned_, false))
    on_warning_("delivery attempts start again: the spool has room to record their outcome");
  on_room_();
}

// ------------------------------------------------------------------------------------------ writing

Task<std::expected<void, std::string>> Spool::store(QueueId id, const Stored& stored,
                                                    const message::DeliveryStatus& status, const Chain& content,
                                                    Purpose purpose) {
  const std::string head = encode_message(stored, status);
  CHECK(content.size() <= kPieceBytesMax);
  if (head.empty()) co_return std::unexpected("its envelope is longer than a record may be");
  Log::Write write{.type = RecordType::message,
                   .id = id,
                   .head = head,
                   .content = &content,
                   .share = message::share_of(stored.submitter),
                   .mail = purpose == Purpose::mail};
  const std::uint32_t kilobytes = kilobytes_of(write.bytes(), stored.pieces, stored.envelope.recipients.size());
  // The pieces have theirs.
  const std::uint64_t more = std::uint64_t{kilobytes} * 1024 - bytes_of(stored.pieces);
  const bool fits = make_room(purpose, more) || co_await wait_for_room(purpose, more);
  if (!fits || !co_await log_.write(write)) {
    if (fits) room_.release(more);
    ++counters_.not_stored;
    // It may be on the disk all the same, and its client will send it again.
    if (write.location.present()) tasks_.add(cancel(id));
    co_return std::unexpected(why_not_kept());
  }
  const bool fresh = index_.emplace(id, Entry{.message = write.location, .status = {}, .kilobytes = kilobytes}).second;
  CHECK(fresh);
  if (!stored.pieces.empty()) pieces_.emplace(id, stored.pieces);
  ++counters_.stored;
  if (std::exchange(watches_idly_, false) && !closing_) loop_.timers().arm(watch_, loop_.now() + kWatchEvery);
  co_return std::expected<void, std::string>();
}

Task<Location> Spool::store_piece(QueueId id, const Chain& content, CustomerShare share, Purpose purpose) {
  CHECK(content.size() <= kPieceBytesMax);
  Log::Write write{.type = RecordType::piece,
                   .id = id,
                   .head = {},
                   .content = &content,
                   .share = share,
                   .mail = purpose == Purpose::mail};
  const std::uint64_t bytes = write.bytes();
  if (!make_room(purpose, bytes) && !co_await wait_for_room(purpose, bytes)) co_return Location();
  if (co_await log_.write(write)) co_return write.location;
  room_.release(bytes);
  co_return Location();
}

void Spool::forget_pieces(const std::vector<Location>& pieces) {
  for (const Location& piece : pieces) segments_.release(piece.segment);
  room_.release(bytes_of(pieces));
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
  static_cast<void>(co_await write_until_kept(write));  // false: the core must stop, and the next start finds it
}

// In the longest form for which there is room.
std::string Spool::shortened(const message::DeliveryStatus& status, const Entry& entry) const {
  const std::uint64_t before = entry.status.present() ? entry.status.bytes() : 0;
  for (const StatusForm form : {StatusForm::whole, StatusForm::brief}) {
    std::string payload = encode_status(status, form);
    if (room_.takes_status(frame_bytes(static_cast<std::uint32_t>(payload.size())), before)) return payload;
  }
  return encode_status(status, StatusForm::bare);
}

Task<bool> Spool::update(QueueId id, const message::DeliveryStatus& status) {
  KeyedMutex::Lock lock(changes_, id);
  co_await lock.acquired();
  if (!index_.contains(id)) co_return true;
  const std::string head = shortened(status, index_.find(id)->second);
  Log::Write write{.type = RecordType::status, .id = id, .head = head};
  room_.keep_status(write.bytes());
  if (!co_await write_until_kept(write)) {
    room_.release_status(write.bytes());
    co_return false;
  }
  const auto at = index_.find(id);
  CHECK(at != index_.end());
  const Location before = std::exchange(at->second.status, write.location);
  if (before.present()) room_.release_status(before.bytes());
  co_return true;
}

Task<bool> Spool::finish(QueueId id) {
  KeyedMutex::Lock lock(changes_, id);
  co_await lock.acquired();
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
  tell_losses();
  close_files();
}

// ------------------------------------------------------------------------------------------ space

void Spool::on_watch(void* context) {
  auto& self = *static_cast<Spool*>(context);
  self.log_.look_at_name();
  self.look_at_names();
  self.log_.room_changed();
  self.cleaning_is_due();
  self.watch_promises();
  self.tasks_.add(self.look_at_space());
}

Task<void> Spool::look_at_space() {
  struct Looked {
    io::DiskResult<std::uint64_t> free;
    io::DiskResult<io::DiskEntry> found;
  };
  io::Disk& disk = loop_.platform().disk;
  const std::string& directory = options_.log.directory;
  const std::string place = log_.place();
  const auto looked = co_await io::run_on_worker<Looked>(
      loop_,
      [&disk, directory, path = place.empty() ? directory : directory + "/" + place] {
        return Looked{.free = disk.free_bytes(directory), .found = disk.look(path)};
      },
      "the file system's free space");
  if (looked) {
    note_space(looked->free);
    note_place(place, looked->found);
  }
  looked_ = true;
  notice_settled();
  if (closing_) co_return;
  watches_idly_ = index_.empty() && accepting() && refused_since_ == Instant::max();
  loop_.timers().arm(watch_, loop_.now() + (watches_idly_ ? kWatchIdleEvery : kWatchEvery));
}

void Spool::note_space(const io::DiskResult<std::uint64_t>& free) {
  if (!free) return;
  const bool low = *free < options_.free_bytes_min;
  if (low != low_)
    on_warning_(
        options_.log.directory + ": " + std::to_string(*free / 1024 / 1024) + " MiB are left on the file system, " +
        (low ? "less than spool.free_bytes_min: mail is answered with 452 until there is more" : "enough again"));
  low_ = low;
}

}  // namespace sluice::spool
