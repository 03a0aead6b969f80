// The part of a spool that reads messages back, and quarantines what cannot be read.
#include <algorithm>
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/file_wait.h"
#include "engine/spool/quarantine.h"
#include "engine/spool/spool.h"

namespace sluice::spool {
namespace {

// A disk that fails may not fail for long: what is given up for it is given up for good.
constexpr int kReadTries = 3;
constexpr unsigned kReadStandstillsMax = 100;  // reads in a row that got less than a block further
constexpr Duration kReadAgain = std::chrono::seconds(1);
constexpr Duration kQuarantineAgain = std::chrono::seconds(10);
constexpr const char* kMeansNothing = "it means nothing";
// As much of a message's record as most envelopes with their status fit into.
constexpr std::uint32_t kHeadBytes = 2 * kBlockBytes;

std::uint32_t block_of(std::uint32_t offset) { return offset / kBlockBytes * kBlockBytes; }

}  // namespace

// ------------------------------------------------------------------------------------------ reading

// Bytes, fewer only at the end of the file; or a negative errno.
Task<std::int32_t> Spool::read_blocks(int file, std::span<std::byte> to, std::uint32_t offset) {
  std::size_t got = 0;
  int failures = 0;
  unsigned standstills = 0;
  while (got < to.size() && standstills < kReadStandstillsMax) {
    const std::int32_t result = co_await io::read_file(loop_, file, to.subspan(got), offset + got, "the spool's disk");
    if (result == -EINTR || result == -EAGAIN) continue;
    if (result < 0) {
      if (++failures == kReadTries || closing_ || loop_.aborting()) co_return result;
      co_await loop_.sleep(kReadAgain, "another try to read from the spool");
      continue;
    }
    if (result == 0) break;
    // A direct read goes on at a block.
    const auto more = static_cast<std::size_t>(result);
    counters_.read_bytes += more;
    const bool all = got + more >= to.size();
    got = all ? to.size() : got + more / kBlockBytes * kBlockBytes;
    standstills = more < kBlockBytes ? standstills + 1 : 0;
  }
  co_return static_cast<std::int32_t>(got);
}

// In memory of its own.
Task<std::expected<Extent, std::string>> Spool::read_record(Location at, RecordType type, QueueId id, Part part) {
  const Segment* segment = segments_.find(at.segment);
  CHECK(segment != nullptr);
  const std::uint32_t begin = block_of(at.offset);
  const bool all = part == Part::whole || at.bytes() <= kHeadBytes;
  const std::uint32_t end = all ? block_of(at.offset + at.bytes() + kBlockBytes - 1) : begin + kHeadBytes;
  BlockRef block = allocate_block(end - begin + kBlockBytes);
  const auto address = reinterpret_cast<std::uintptr_t>(block->data);
  char* memory = block->data + (kBlockBytes - address % kBlockBytes) % kBlockBytes;
  const std::uint64_t salt = segment->salt;
  const std::int32_t got =
      co_await read_blocks(segment->file, std::as_writable_bytes(std::span(memory, end - begin)), begin);
  const std::string where = segment_name(at.segment) + " at " + std::to_string(at.offset) + ": ";
  if (got < 0) co_return std::unexpected(where + std::strerror(-got));
  const std::string_view bytes(memory, static_cast<std::size_t>(got));
  const std::size_t skip = std::min<std::size_t>(at.offset - begin, bytes.size());
  const auto frame =
      all ? read_frame(bytes.substr(skip), at.offset, salt) : read_frame_head(bytes.substr(skip), at.offset);
  const bool fits = frame && (all ? frame->payload.size() == at.payload : frame->payload.size() <= at.payload);
  if (!fits || frame->type != type || frame->id != id) co_return std::unexpected(where + "the record does not check");
  const auto offset = static_cast<std::uint32_t>(frame->payload.data() - block->data);
  block->used = block->capacity;
  co_return Extent{std::move(block), offset, static_cast<std::uint32_t>(frame->payload.size())};
}

Task<std::expected<Message, std::string>> Spool::read(QueueId id) {
  const auto known = index_.find(id);
  if (known == index_.end()) co_return std::unexpected("there is no such message");
  const Entry entry = known->second;
  // All of it now: what is moved or finished meanwhile stays readable.
  Pin pin(segments_);
  pin.hold(entry.message.segment);
  if (entry.status.present()) pin.hold(entry.status.segment);
  for (const Location& piece : pieces_of(id)) pin.hold(piece.segment);
  auto record = co_await read_record(entry.message, RecordType::message, id);
  if (!record) co_return std::unexpected(record.error());
  auto decoded = decode_message(id, record->view());
  if (!decoded) co_return std::unexpected("the record of the message means nothing");
  const auto offset = static_cast<std::uint32_t>(decoded->content.data() - record->block->data);
  Message read{.stored = std::move(decoded->stored),
               .status = std::move(decoded->status),
               .content = {record->block, offset, static_cast<std::uint32_t>(decoded->content.size())},
               .pin = std::move(pin)};
  if (entry.status.present()) {
    auto latest = co_await read_status_at(entry.status, id);
    if (latest && latest->recipients.size() == read.stored.envelope.recipients.size()) {
      read.status = *std::move(latest);
    } else {
      // Some may get it twice; without it, some would get it never.
      on_warning_("message " + read.stored.envelope.id + ": its latest status cannot be read (" +
                  (latest ? kMeansNothing : latest.error()) +
                  "): goes on with what was known when it was accepted or moved");
    }
  }
  co_return read;
}

Task<std::expected<MessageHead, std::string>> Spool::read_head(QueueId id) {
  const auto known = index_.find(id);
  if (known == index_.end()) co_return std::unexpected("there is no such message");
  const Entry entry = known->second;
  Pin pin(segments_);
  pin.hold(entry.message.segment);
  auto record = co_await read_record(entry.message, RecordType::message, id, Part::beginning);
  auto head = record ? decode_message_head(id, record->view(), entry.message.payload) : std::nullopt;
  if (!head) {
    // There is more in it than fits into the beginning, or it is damaged.
    record = co_await read_record(entry.message, RecordType::message, id);
    if (!record) co_return std::unexpected(record.error());
    head = decode_message(id, record->view());
  }
  if (!head) co_return std::unexpected("the record of the message means nothing");
  co_return MessageHead{
      .stored = std::move(head->stored), .status = std::move(head->status), .latest = !entry.status.present()};
}

Task<std::optional<message::DeliveryStatus>> Spool::read_status(QueueId id) {
  const auto known = index_.find(id);
  if (known == index_.end() || !known->second.status.present()) co_return std::nullopt;
  const Location at = known->second.status;
  Pin pin(segments_);
  pin.hold(at.segment);
  auto status = co_await read_status_at(at, id);
  if (!status) co_return std::nullopt;
  co_return *std::move(status);
}

// The error is a sentence.
Task<std::expected<message::DeliveryStatus, std::string>> Spool::read_status_at(Location at, QueueId id) {
  const auto record = co_await read_record(at, RecordType::status, id);
  if (!record) co_return std::unexpected(record.error());
  auto status = decode_status(record->view());
  if (!status) co_return std::unexpected(kMeansNothing);
  co_return *std::move(status);
}

Task<std::expected<Extent, std::string>> Spool::read_piece(QueueId id, Location piece) {
  return read_record(piece, RecordType::piece, id);
}

// ------------------------------------------------------------------------------------------ what cannot be read

Task<void> Spool::quarantine(QueueId id, std::string why) {
  KeyedMutex::Lock lock(changes_, id);
  co_await lock.acquired();
  if (index_.contains(id)) static_cast<void>(co_await quarantine_locked(id, std::move(why)));
}

// The caller has the message's lock.  False: the message stays, because the core must stop.
Task<bool> Spool::quarantine_locked(QueueId id, std::string why) {
  const Location where = index_.find(id)->second.message;
  const std::string name = message::queue_id_text(id);
  std::vector<Place> places{{segments_.find(where.segment)->file, where.offset, where.bytes()}};
  for (const Location& piece : pieces_of(id))
    places.push_back({segments_.find(piece.segment)->file, piece.offset + kFrameHeaderBytes, piece.payload});
  io::Disk& disk = loop_.platform().disk;
  for (;;) {
    if (closing_ || loop_.aborting()) co_return false;
    using Done = io::DiskResult<Kept>;
    const auto kept = co_await io::run_on_worker<Done>(
        loop_,
        [&disk, directory = options_.log.directory, name, why, places] {
          return keep_in_quarantine(disk, directory, name, why, places);
        },
        "quarantine");
    const bool full = kept && !*kept && io::is_full(kept->error());
    // The disk may give it later, to another reader; or there is no room for a copy: what it lies in is kept.
    if (full || (kept && *kept && **kept == Kept::in_part)) {
      segments_.find(where.segment)->unreadable = true;
      for (const Location& piece : pieces_of(id)) segments_.find(piece.segment)->unreadable = true;
    }
    if (full) why += "; there is no room for a copy, and its segment will be kept: " + kept->error().text;
    if (full || (kept && *kept)) break;
    on_warning_("message " + name + ": " + why +
                "; cannot be quarantined yet: " + (kept ? kept->error().text : "too many jobs wait"));
    co_await loop_.sleep(kQuarantineAgain, "another try to quarantine a message");
  }
  Log::Write write{.type = RecordType::done, .id = id};
  if (!co_await write_until_kept(write)) co_return false;
  on_warning_("message " + name + ": " + why + "; kept in " + options_.log.directory + "/" + kQuarantine + "/" + name +
              ".*");
  forget(id);
  ++counters_.quarantined;
  co_return true;
}

}  // namespace sluice::spool
