// The part of a spool that copies what is alive in a segment to the end of the log.
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/spool/spool.h"

namespace sluice::spool {

// A fresh copy of one message, with its latest status.  Holds the message's turn.
struct Spool::Copy {
  Copy(KeyedMutex& mutex, QueueId number) : id(number), turn(mutex, number) {}

  QueueId id;
  KeyedMutex::Lock turn;
  std::optional<Message> message;  // absent: nothing of it is to be copied
  std::vector<Location> replaced;  // pieces that have a copy
  std::vector<Location> pieces;    // as they will be
  std::string head;
  Chain content;
  Log::Write write;
  bool kept = false;
};

// Messages one after the other are read, and then all written together.  False when that cannot be done now.
Task<bool> Spool::move_all(std::vector<QueueId> ids, std::uint32_t number) {
  std::vector<std::unique_ptr<Copy>> copies;
  bool all = true;
  for (const QueueId id : ids) {
    copies.push_back(std::make_unique<Copy>(changes_, id));
    all = co_await prepare_copy(*copies.back(), number);
    if (!all) break;
  }
  const bool written = co_await write_copies(copies);
  co_return written&& all;
}

// Reads it and copies its pieces, unless nothing of it is in the segment any more.
Task<bool> Spool::prepare_copy(Copy& copy, std::uint32_t number) {
  co_await copy.turn.acquired();
  if (!lies_in(copy.id, number)) co_return true;
  auto message = co_await read(copy.id);
  if (!message) co_return co_await quarantine_locked(copy.id, message.error());
  copy.message.emplace(*std::move(message));
  for (const Location& piece : std::vector(pieces_of(copy.id).begin(), pieces_of(copy.id).end())) {
    if (piece.segment != number) {
      copy.pieces.push_back(piece);
      continue;
    }
    auto bytes = co_await read_piece(copy.id, piece);
    const std::optional<std::string> fault = bytes ? std::nullopt : std::optional(bytes.error());
    const Location at = bytes ? co_await copy_piece(copy.id, *std::move(bytes)) : Location();
    if (!at.present()) {
      copy.message.reset();
      for (const Location& made : copy.pieces)
        if (std::ranges::find(pieces_of(copy.id), made) == pieces_of(copy.id).end()) segments_.release(made.segment);
      if (fault) co_return co_await quarantine_locked(copy.id, *fault);
      co_return false;
    }
    copy.replaced.push_back(piece);
    copy.pieces.push_back(at);
  }
  copy.message->stored.pieces = copy.pieces;
  copy.head = encode_message(copy.message->stored, copy.message->status);
  copy.content.append(copy.message->content);
  co_return true;
}

// Not present: it cannot be done now.
Task<Location> Spool::copy_piece(QueueId id, Extent bytes) {
  Chain content;
  content.append(std::move(bytes));
  Log::Write write{.type = RecordType::piece, .id = id, .head = {}, .content = &content};
  if (!room_.takes_copies(write.bytes()) || !co_await log_.write(write)) co_return Location();
  co_return write.location;
}

Task<bool> Spool::write_copies(std::span<const std::unique_ptr<Copy>> copies) {
  std::uint64_t bytes = 0;
  for (const auto& copy : copies) {
    copy->write.type = RecordType::message;
    copy->write.id = copy->id;
    copy->write.head = copy->head;
    copy->write.content = &copy->content;
    if (copy->message) bytes += copy->write.bytes();
  }
  const bool fits = room_.takes_copies(bytes);
  TaskSet writing;
  for (const auto& copy : copies)
    if (copy->message && fits) writing.add(write_copy(*copy));
  co_await writing.join("copies in the spool");
  bool all = true;
  for (const auto& copy : copies)
    if (copy->message) {
      all = all && copy->kept;
      settle_copy(*copy);
    }
  co_return all;
}

Task<void> Spool::write_copy(Copy& copy) { copy.kept = co_await log_.write(copy.write); }

// The copy is the message from now on; or it failed, and all stays as it was.
void Spool::settle_copy(Copy& copy) {
  if (!copy.kept) {
    for (const Location& piece : copy.pieces)
      if (std::ranges::find(pieces_of(copy.id), piece) == pieces_of(copy.id).end()) segments_.release(piece.segment);
    return;
  }
  Entry& entry = index_.find(copy.id)->second;
  segments_.release(entry.message.segment);
  for (const Location& piece : copy.replaced) segments_.release(piece.segment);
  room_.release(std::uint64_t{entry.kilobytes} * 1024);
  if (entry.status.present()) room_.release_status(entry.status.bytes());
  entry = {.message = copy.write.location,
           .status = {},
           .kilobytes = kilobytes_of(copy.write.bytes(), copy.pieces, copy.message->stored.envelope.recipients.size())};
  room_.keep(std::uint64_t{entry.kilobytes} * 1024);
  if (!copy.pieces.empty()) pieces_[copy.id] = copy.pieces;
  ++counters_.moved;
}

// Pieces of messages that are still coming in: a slow client must not keep the oldest segment.
Task<bool> Spool::move_drafts(std::uint32_t number) {
  std::vector<QueueId> ids;
  for (const auto& [id, draft] : drafts_) ids.push_back(id);
  for (const QueueId id : ids)
    for (std::size_t i = 0; drafts_.contains(id) && i < drafts_.at(id)->pieces_.size(); ++i) {
      const Location piece = drafts_.at(id)->pieces_[i];
      if (piece.segment != number) continue;
      if (closing_ || loop_.aborting()) co_return false;
      Pin pin(segments_);
      pin.hold(number);
      auto bytes = co_await read_piece(id, piece);
      const Location at = bytes ? co_await copy_piece(id, *std::move(bytes)) : Location();
      if (!at.present()) co_return false;
      const auto draft = drafts_.find(id);
      if (draft == drafts_.end()) {  // it has ended meanwhile, with the piece as it was
        segments_.release(at.segment);
        break;
      }
      draft->second->pieces_[i] = at;
      segments_.release(piece.segment);
    }
  co_return true;
}

}  // namespace sluice::spool
