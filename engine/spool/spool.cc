#include "engine/spool/spool.h"

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/file_wait.h"

namespace sluice::spool {
namespace {

constexpr Duration kWatchEvery = std::chrono::seconds(1);
constexpr Duration kWriteAgain = std::chrono::seconds(1);
constexpr Duration kSettleEvery = std::chrono::milliseconds(5);

std::uint32_t kilobytes_of(const Location& message, const std::vector<Location>& pieces) {
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

// ------------------------------------------------------------------------------------------ writing

Task<bool> Spool::store(QueueId id, const Stored& stored, const message::DeliveryStatus& status,
                        const Chain& content) {
  const std::string head = encode_message(stored, status);
  if (head.size() > kMetaBytesMax || content.size() > kPieceBytesMax) co_return false;
  Log::Write write{.type = RecordType::message, .id = id, .head = head, .content = &content};
  if (!co_await log_.write(write)) {
    ++counters_.not_stored;
    // It may be on the disk all the same, and its client will send it again.
    tasks_.add(cancel(id));
    co_return false;
  }
  const std::uint32_t kilobytes = kilobytes_of(write.location, stored.pieces);
  const bool fresh = index_.emplace(id, Entry{.message = write.location, .status = {}, .kilobytes = kilobytes}).second;
  CHECK(fresh);
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

// Until the message is not being copied: a status that overtook its copy would be lost.  False: it is gone.
Task<bool> Spool::settled(QueueId id) {
  for (;;) {
    const auto at = index_.find(id);
    if (at == index_.end()) co_return false;
    if (!at->second.moving) co_return true;
    co_await loop_.sleep(kSettleEvery, "a message that is being moved");
  }
}

Task<bool> Spool::update(QueueId id, const message::DeliveryStatus& status) {
  if (!co_await settled(id)) co_return true;
  ++index_.find(id)->second.changing;
  const std::string head = encode_status(status);
  Log::Write write{.type = RecordType::status, .id = id, .head = head};
  const bool kept = co_await write_until_kept(write);
  const auto at = index_.find(id);
  if (at == index_.end()) co_return kept;  // it was finished meanwhile
  --at->second.changing;
  if (kept && at->second.status.before(write.location)) at->second.status = write.location;
  co_return kept;
}

Task<bool> Spool::finish(QueueId id, const std::vector<Location>& pieces) {
  if (!co_await settled(id)) co_return true;
  // Who is on the way out is not moved.
  ++index_.find(id)->second.changing;
  Log::Write write{.type = RecordType::done, .id = id};
  const bool kept = co_await write_until_kept(write);
  const auto at = index_.find(id);
  if (at == index_.end()) co_return kept;
  --at->second.changing;
  if (!kept) co_return false;
  release(at->second.message, pieces);
  live_kilobytes_ -= at->second.kilobytes;
  index_.erase(at);
  ++counters_.finished;
  cleaning_is_due();
  co_return true;
}

void Spool::release(const Location& message, const std::vector<Location>& pieces) {
  segments_.release(message.segment);
  for (const Location& piece : pieces) segments_.release(piece.segment);
}

// ------------------------------------------------------------------------------------------ reading

// The payload, in memory of its own.
Task<std::expected<Extent, std::string>> Spool::read_record(Location at, RecordType type, QueueId id) {
  const Segment* segment = segments_.find(at.segment);
  CHECK(segment != nullptr);
  const std::uint32_t begin = at.offset / kBlockBytes * kBlockBytes;
  const std::uint32_t end = (at.offset + at.bytes() + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  BlockRef block = allocate_block(end - begin + kBlockBytes);
  const auto address = reinterpret_cast<std::uintptr_t>(block->data);
  char* memory = block->data + (kBlockBytes - address % kBlockBytes) % kBlockBytes;
  const std::uint64_t salt = segment->salt;
  std::int32_t got = 0;
  do {
    got = co_await io::read_file(loop_, segment->file, std::as_writable_bytes(std::span(memory, end - begin)), begin,
                                 "the spool's disk");
  } while (got == -EINTR || got == -EAGAIN);
  const std::string where = segment_name(at.segment) + " at " + std::to_string(at.offset) + ": ";
  if (got < 0) co_return std::unexpected(where + std::strerror(-got));
  const std::string_view bytes(memory, static_cast<std::size_t>(got));
  const std::uint32_t skip = at.offset - begin;
  const auto frame = read_frame(bytes.substr(std::min<std::size_t>(skip, bytes.size())), at.offset, salt);
  if (!frame || frame->type != type || frame->id != id || frame->payload.size() != at.payload)
    co_return std::unexpected(where + "the record does not check");
  const auto offset = static_cast<std::uint32_t>(frame->payload.data() - block->data);
  block->used = block->capacity;
  co_return Extent{std::move(block), offset, at.payload};
}

Task<std::expected<Message, std::string>> Spool::read(QueueId id) {
  const auto at = index_.find(id);
  if (at == index_.end()) co_return std::unexpected("there is no such message");
  const Location where = at->second.message;
  Pin pin(segments_);
  pin.hold(where.segment);
  const Location latest = at->second.status;
  if (latest.present()) pin.hold(latest.segment);
  auto record = co_await read_record(where, RecordType::message, id);
  if (!record) co_return std::unexpected(record.error());
  auto decoded = decode_message(id, record->view());
  if (!decoded) co_return std::unexpected("the record of the message means nothing");
  for (const Location& piece : decoded->stored.pieces) {
    if (segments_.find(piece.segment) == nullptr) co_return std::unexpected("a piece of its content is gone");
    pin.hold(piece.segment);
  }
  const auto offset = static_cast<std::uint32_t>(decoded->content.data() - record->block->data);
  Message read{.stored = std::move(decoded->stored),
               .status = std::move(decoded->status),
               .content = {record->block, offset, static_cast<std::uint32_t>(decoded->content.size())},
               .pin = std::move(pin)};
  if (latest.present()) {
    auto status_record = co_await read_record(latest, RecordType::status, id);
    if (!status_record) co_return std::unexpected(status_record.error());
    auto status = decode_status(status_record->view());
    if (!status || status->recipients.size() != read.stored.envelope.recipients.size())
      co_return std::unexpected("the status of the message means nothing");
    read.status = *std::move(status);
  }
  co_return read;
}

Task<std::expected<Extent, std::string>> Spool::read_piece(QueueId id, Location piece) {
  return read_record(piece, RecordType::piece, id);
}

Task<void> Spool::set_aside(QueueId id, std::string why) {
  const auto at = index_.find(id);
  if (at == index_.end()) co_return;
  const Location where = at->second.message;
  const Segment* segment = segments_.find(where.segment);
  const std::string folder = options_.log.directory + "/quarantine";
  const std::string name = folder + "/" + message::queue_id_text(id);
  io::Disk& disk = loop_.door().disk;
  using Done = io::DiskResult<void>;
  Pin pin(segments_);
  pin.hold(where.segment);
  const auto kept = co_await io::run_on_worker<Done>(
      loop_,
      [&disk, folder, name, why, file = segment->file, where]() -> Done {
        if (auto made = disk.make_directory(folder); !made) return made;
        if (auto said = disk.write_small(name + ".txt", why + "\n"); !said) return said;
        const auto octets = disk.read(file, where.offset, where.bytes());
        return disk.write_small(name + ".octets", octets ? *octets : "cannot be read: " + octets.error().text);
      },
      "quarantine");
  told_("message " + message::queue_id_text(id) + ": " + why +
        (kept && *kept ? "; kept in " + name + ".*" : "; could not be kept aside"));
  // Its pieces are not known for sure: their segments stay until the next start, which counts anew.
  co_await finish(id, {});
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
  if (!closing_) loop_.timers().arm(watch_, loop_.now() + kWatchEvery);
}

// ------------------------------------------------------------------------------------------ drafts

Draft::~Draft() { CHECK(pieces_.empty()); }

Task<bool> Draft::append(Chain bytes) {
  if (failed_) co_return false;
  bytes_ += bytes.size();
  rest_.append(std::move(bytes));
  while (rest_.size() > kPieceBytesMax && !failed_) {
    Chain piece;
    piece.move_front(rest_, kPieceBytesMax);
    const Location at = co_await spool_.store_piece(id_, piece);
    failed_ = !at.present();
    if (!failed_) pieces_.push_back(at);
  }
  if (failed_) rest_.clear();
  co_return !failed_;
}

Task<bool> Draft::commit(Stored stored, const message::DeliveryStatus& status) {
  bool kept = false;
  if (!failed_) {
    stored.content_bytes = bytes_;
    stored.pieces = pieces_;
    kept = co_await spool_.store(id_, stored, status, rest_);
  }
  if (kept) {
    pieces_.clear();
  } else {
    abandon();
  }
  rest_.clear();
  co_return kept;
}

void Draft::abandon() {
  spool_.forget_pieces(pieces_);
  pieces_.clear();
  rest_.clear();
}

}  // namespace sluice::spool
