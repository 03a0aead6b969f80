// Reads a stored message's content back, part after part: its pieces in order, then what its own record holds.  The one
// reader for all that pass a message on, put it into a mailbox or return it in a DSN.
// A value of one reading; `spool` and `message` outlive it; that core's thread only.
//
//   for (spool::StoredContent content(spool, id, message); !content.at_end();) {
//     auto part = co_await content.next();
//     if (!part) ...  // part.error() is a sentence: a piece cannot be read, and nothing more is to be had
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "engine/spool/spool.h"

namespace sluice::spool {

class StoredContent {
 public:
  using Part = std::expected<Extent, std::string>;

  StoredContent(Spool& spool, QueueId id, const Message& message) : spool_(spool), id_(id), message_(message) {}

  [[nodiscard]] bool at_end() const { return next_ > message_.stored.pieces.size(); }

  // The next part, to be awaited at once.  A piece is read from the disk; what the message's own record holds is in
  // memory, and costs neither a wait nor a frame.
  class Next;
  Next next();

 private:
  Spool& spool_;
  QueueId id_;
  const Message& message_;
  std::size_t next_ = 0;  // a piece's number; the number of pieces: the record's own content
};

class [[nodiscard]] StoredContent::Next {
 public:
  explicit Next(Task<Part> reading) : reading_(std::move(reading)) {}
  explicit Next(const Extent& in_memory) : in_memory_(in_memory) {}

  [[nodiscard]] bool await_ready() const noexcept { return !reading_ || reading_->await_ready(); }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    reading_->await_suspend(waiter);
  }
  [[nodiscard]] Part await_resume() { return reading_ ? reading_->await_resume() : Part(std::move(in_memory_)); }

 private:
  std::optional<Task<Part>> reading_;  // absent: in memory
  Extent in_memory_;
};

inline StoredContent::Next StoredContent::next() {
  CHECK(!at_end());
  const std::size_t part = next_++;
  if (part == message_.stored.pieces.size()) return Next(message_.content);
  return Next(spool_.read_piece(id_, message_.stored.pieces[part]));
}

}  // namespace sluice::spool
