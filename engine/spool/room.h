// The accounting of one core's disk space: what its files can hold, what the messages in them need until their end, and
// so what may be accepted, attempted and cleaned.  It is what lets a full spool empty itself with no other space.
//
// Two questions are asked of each write.  One is of promises: whether the files that are there hold all that is kept,
// with the room that the outcome of each message may need, once all dead space has been cleaned away.  The other is of
// this moment: whether the part that can be written now is long enough, with what the cleaner needs set apart.
//
//   mail      is accepted while both leave two times gain() beside the cleaner's room
//   a report  (a DSN) may use a half of one of these: a failed message ends only when its report is kept
//   outcomes  may use all but the cleaner's room: what a delivery attempt will have to record is promised before it
//   starts cleaner   may use everything.  It goes through the segments from the oldest on, and what it copies is never
//   longer
//             than the segment that it empties, but for the status records that it takes into the messages: so
//             cleaner() is one segment, some slack for what does not fit at the ends of segments, and all those
//             records.
// Hence, where outcomes find no room, at least gain() is dead (see dead()), and going through the whole log once gives
// it back: a gain of a 16th of all bounds what is copied for it.
//
// Bytes throughout.  Pure.  Owned by a Spool; that core's thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/spool/record.h"

namespace sluice::spool {

// What room is asked for; the first is refused first.
enum class Purpose : std::uint8_t { mail, report };

class Room {
 public:
  // `segment_bytes`: of the longest file that there may be.
  explicit Room(std::uint32_t segment_bytes);

  // A file, of which so much can be written; 0: a segment that is complete.
  void add_file(std::uint32_t bytes, std::uint64_t writable);
  // A file, and what of it could still be written.
  void remove_file(std::uint32_t bytes, std::uint64_t writable);
  // Of what could be written: it has been, or will not be.
  void use(std::uint64_t bytes);
  // It can be written after all.
  void regain(std::uint64_t bytes) { writable_ += bytes; }
  // All of a segment's file can be written anew.
  void refill(std::uint32_t bytes);
  // Bytes of a record that is waiting to be written; until then they are taken off beforehand.
  void queue(std::uint64_t bytes) { queued_ += bytes; }
  void unqueue(std::uint64_t bytes);

  // Records of messages and pieces, with the room that a message's outcome needs.
  [[nodiscard]] bool takes(Purpose purpose, std::uint64_t bytes) const;
  void keep(std::uint64_t bytes) { kept_ += bytes; }
  void release(std::uint64_t bytes);
  // Status records that stand by themselves, the latest of each message.
  [[nodiscard]] bool takes_status(std::uint64_t bytes, std::uint64_t before) const;
  void keep_status(std::uint64_t bytes) { statuses_ += bytes; }
  void release_status(std::uint64_t bytes);

  // What may have to be written about a delivery attempt: see Promise.
  [[nodiscard]] bool promise(std::uint64_t bytes);
  void redeem(std::uint64_t bytes);

  // Whether more files are wanted: so long before there is none that mail does not wait for it.
  [[nodiscard]] bool needs_file() const;
  // Whether one file fewer of this size would do, for quite a while.
  [[nodiscard]] bool can_spare(std::uint32_t bytes) const;
  // Where no other file can be had: whether cleaning is needed, and gives back enough for what it costs.
  [[nodiscard]] bool gains_by_cleaning() const;
  // Whether the cleaner may copy so much now.
  [[nodiscard]] bool takes_copies(std::uint64_t bytes) const { return spare() >= static_cast<std::int64_t>(bytes); }

  [[nodiscard]] std::uint64_t kept() const { return kept_; }
  [[nodiscard]] std::uint64_t writable() const { return writable_; }

 private:
  [[nodiscard]] std::int64_t spare() const;
  [[nodiscard]] std::int64_t cleaner() const;
  [[nodiscard]] std::int64_t gain() const;
  [[nodiscard]] std::int64_t committed() const;
  [[nodiscard]] std::int64_t dead() const;
  [[nodiscard]] std::int64_t lasting() const;

  std::int64_t segment_;     // what can be written of the longest file
  std::uint64_t total_ = 0;  // what the files hold, but for what does not fit at their ends
  std::uint64_t writable_ = 0;
  std::uint64_t queued_ = 0;
  std::uint64_t promised_ = 0;
  std::uint64_t kept_ = 0;
  std::uint64_t statuses_ = 0;
};

// Room for what is recorded of one delivery attempt, from before it starts until it has been recorded.
// Owned by the caller that will call Spool::update() or Spool::finish(); gone before the spool.
class Promise {
 public:
  Promise(Room& room, std::uint64_t bytes) : room_(&room), bytes_(bytes) {}
  Promise(Promise&& other) noexcept : room_(std::exchange(other.room_, nullptr)), bytes_(other.bytes_) {}
  Promise& operator=(Promise&&) = delete;
  ~Promise() {
    if (room_ != nullptr) room_->redeem(bytes_);
  }
  // Of at least so many bytes.  False: there is no room for more than it has.
  [[nodiscard]] bool grow(std::uint64_t bytes) {
    if (bytes > bytes_ && !room_->promise(bytes - bytes_)) return false;
    bytes_ = std::max(bytes_, bytes);
    return true;
  }

 private:
  Room* room_;
  std::uint64_t bytes_;
};

}  // namespace sluice::spool
