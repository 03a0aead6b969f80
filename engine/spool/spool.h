// One core's spool: messages that are kept until they are delivered.  What store() or a Draft's commit() has
// answered with true survives the process, and where the log is synced, the power.
// Owned by a core; that core's thread only.  Everything that waits for the disk is a task.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/spool/keyed_mutex.h"
#include "engine/spool/log.h"
#include "engine/spool/recovery.h"
#include "engine/spool/room.h"

namespace sluice::spool {

struct SpoolOptions {
  LogOptions log;
  std::uint64_t free_bytes_min = 0;  // less on the file system: nothing is accepted
};

struct SpoolCounters {
  std::uint64_t stored = 0;
  std::uint64_t not_stored = 0;  // the disk failed
  std::uint64_t finished = 0;
  std::uint64_t quarantined = 0;  // could not be read
  std::uint64_t moved = 0;        // copied forward
  std::uint64_t recycled = 0;     // segments
  std::uint64_t read_bytes = 0;   // from the disk, in whole blocks
};

// Keeps segments from being recycled while something of them is read.
class Pin {
 public:
  explicit Pin(Segments& segments) : segments_(&segments) {}
  Pin(Pin&& other) noexcept : segments_(other.segments_), held_(std::exchange(other.held_, {})) {}
  Pin& operator=(Pin&& other) noexcept {
    std::swap(segments_, other.segments_);
    std::swap(held_, other.held_);
    return *this;
  }
  ~Pin() {
    for (const std::uint32_t segment : held_) segments_->release(segment);
  }
  void hold(std::uint32_t segment) {
    segments_->need(segment);
    held_.push_back(segment);
  }

 private:
  Segments* segments_;
  std::vector<std::uint32_t> held_;
};

// What a message is about, without its content.
struct MessageHead {
  Stored stored;
  message::DeliveryStatus status;
  bool latest = true;  // the status is the latest; else read_status() has that
};

// A message read back.  To be gone before the spool closes.
struct Message {
  Stored stored;
  message::DeliveryStatus status;
  Extent content;  // of the message's own record; pieces come before it
  Pin pin;
};

class Draft;

class Spool {
 public:
  // `on_warning` gets what the operator should know; `last_number` is shared by all cores.
  Spool(io::Loop& loop, std::atomic<std::uint32_t>& last_number, SpoolOptions options, Share share,
        std::function<void(const std::string&)> on_warning);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  void start();
  // Whether accepting() means something: the disk has been asked for space and for a first segment.
  [[nodiscard]] bool settled() const { return looked_ && log_.settled(); }
  // `call` is called when settled() is true, and may be called again.
  void on_settled(std::function<void()> call) { on_settled_ = std::move(call); }
  // Whether a message that comes now could be kept; else refusal_reason() says why.
  [[nodiscard]] bool accepting() const { return !low_ && !away_ && log_.takes_mail(); }
  [[nodiscard]] std::string refusal_reason() const;

  // Waits until the message is kept, with `content` behind its pieces. An error, in words: it is not, and must not be
  // answered for.
  // `id` is new; stored.content_bytes counts all of the content.  With the message, room is reserved for what becomes
  // of it.
  Task<std::expected<void, std::string>> store(QueueId id, const Stored& stored, const message::DeliveryStatus& status,
                                               const Chain& content, Purpose purpose = Purpose::mail);
  // Part of a message that is not complete yet.  Not present: the disk failed.  The caller keeps the location: for
  // store(), or for forget_pieces().
  Task<Location> store_piece(QueueId id, const Chain& content, CustomerShare share, Purpose purpose);
  void forget_pieces(const std::vector<Location>& pieces);

  // Room to record what becomes of so many recipients in one delivery attempt: to be had before it starts, and kept
  // until it has been recorded.  Absent: there is none now; no_room() says why, and on_room() is called when to ask
  // again.
  [[nodiscard]] std::optional<Promise> promise(std::size_t recipients);
  // Makes a promise good for so many.  False: there is no room for that now.
  [[nodiscard]] bool cover(Promise& promise, std::size_t recipients);
  // The same for what must be recorded without delay, such as an operator's order: waits for it.  Absent: the core must
  // stop first.
  Task<std::optional<Promise>> await_promise(std::size_t recipients);
  // Why there has been none for a while, in words; empty: there is, or will be soon.
  [[nodiscard]] std::string no_room() const;
  void on_room(std::function<void()> call) { on_room_ = std::move(call); }

  // The error is a sentence: the record cannot be read, or does not check.
  Task<std::expected<Message, std::string>> read(QueueId id);
  Task<std::expected<Extent, std::string>> read_piece(QueueId id, Location piece);
  // For a search.  Of a long record only the beginning is read, which no checksum is asked about: to be shown
  // and compared, and nothing more.
  Task<std::expected<MessageHead, std::string>> read_head(QueueId id);
  // The latest one.  Absent: the message is gone, or its status is that of the head, or it cannot be read.
  Task<std::optional<message::DeliveryStatus>> read_status(QueueId id);

  // Changes of one message are made one after the other, as they were asked for.  Each waits until it is on the disk,
  // however often that takes.  False: the core must stop first.  `status` is looked at when its turn has come.
  // The caller has a promise of room for it.  Where the disk is full, a status may be recorded in a shorter form.
  Task<bool> update(QueueId id, const message::DeliveryStatus& status);
  // The message is done: delivered, bounced or removed.
  Task<bool> finish(QueueId id);
  // It cannot be read: keeps its records in the quarantine and goes on without it.  When the core must stop first, it
  // stays.
  Task<void> quarantine(QueueId id, std::string why);

  [[nodiscard]] bool has(QueueId id) const { return index_.contains(id); }
  [[nodiscard]] std::size_t messages() const { return index_.size(); }
  [[nodiscard]] const Index& index() const { return index_; }
  // Of memory, for all messages; but for the places of pieces, 12 bytes for each half a megabyte.
  [[nodiscard]] std::uint64_t index_bytes() const { return table_bytes(index_) + table_bytes(pieces_); }
  [[nodiscard]] std::uint64_t disk_bytes() const { return segments_.bytes(); }
  // What the messages need until their end, the room for their outcome included.
  [[nodiscard]] std::uint64_t live_bytes() const { return room_.kept(); }
  [[nodiscard]] const SpoolCounters& counters() const { return counters_; }
  [[nodiscard]] const LogCounters& log_counters() const { return log_.counters(); }

  // Waits for everything that is on its way.  Once, when no caller is left.
  Task<void> close();

 private:
  Task<std::int32_t> read_blocks(int file, std::span<std::byte> to, std::uint32_t offset);
  // The payload: whole and checked, or, of a record that is longer than kHeadBytes, as much of its beginning as is
  // asked for.
  enum class Part : std::uint8_t { whole, beginning };
  Task<std::expected<Extent, std::string>> read_record(Location at, RecordType type, QueueId id,
                                                       Part part = Part::whole);
  Task<std::expected<message::DeliveryStatus, std::string>> read_status_at(Location at, QueueId id);
  [[nodiscard]] std::span<const Location> pieces_of(QueueId id) const;
  [[nodiscard]] bool lies_in(QueueId id, std::uint32_t segment) const;
  void release(QueueId id, const Location& message);
  void forget(QueueId id);
  Task<bool> write_until_kept(Log::Write& write);
  Task<void> cancel(QueueId id);
  Task<bool> quarantine_locked(QueueId id, std::string why);
  void refuse_promise();
  [[nodiscard]] bool make_room(Purpose purpose, std::uint64_t bytes);
  Task<bool> wait_for_room(Purpose purpose, std::uint64_t bytes);
  [[nodiscard]] std::string shortened(const message::DeliveryStatus& status, const Entry& entry) const;
  void resume_newest();
  void watch_promises();

  // cleaner.cc
  [[nodiscard]] bool is_full() const { return !log_.last_error().empty(); }
  [[nodiscard]] bool crowded() const;
  [[nodiscard]] bool can_be_cleaned(const Segment& oldest) const;
  void cleaning_is_due();
  Task<void> clean();
  Task<bool> recycle(std::uint32_t number);
  Task<bool> move_forward(std::uint32_t number);
  // moving.cc
  struct Copy;
  friend class Draft;
  Task<bool> move_all(std::vector<QueueId> ids, std::uint32_t number);
  Task<bool> prepare_copy(Copy& copy, std::uint32_t number);
  Task<Location> copy_piece(QueueId id, Extent bytes);
  Task<bool> write_copies(std::span<const std::unique_ptr<Copy>> copies);
  Task<void> write_copy(Copy& copy);
  void settle_copy(Copy& copy);
  Task<bool> move_drafts(std::uint32_t number);
  void close_files();
  [[nodiscard]] std::string why_not_kept() const;
  void notice_settled();
  static void on_watch(void* self);
  Task<void> look_at_space();
  void note_space(const io::DiskResult<std::uint64_t>& free);
  // place.cc
  void look_at_names();
  void note_place(const std::string& place, const io::DiskResult<io::DiskEntry>& found);
  void tell_losses();

  io::Loop& loop_;
  SpoolOptions options_;
  std::function<void(const std::string&)> on_warning_;
  Segments segments_;
  Index index_;
  PieceIndex pieces_;
  absl::flat_hash_map<QueueId, Draft*> drafts_;  // that have pieces
  KeyedMutex changes_;
  Room room_;
  Log log_;
  std::function<void()> on_room_ = [] {};
  std::function<void()> on_settled_ = [] {};
  Instant refused_since_ = Instant::max();  // a promise; max: none is wanted
  bool refusal_warned_ = false;
  bool looked_ = false;
  bool low_ = false;         // too little space on the file system
  bool away_ = false;        // the directory is not at its path
  std::uint32_t named_ = 0;  // the segment whose name was looked at last
  bool cleaning_ = false;
  bool closing_ = false;
  bool watches_idly_ = false;
  std::uint32_t swept_ = 0;  // the segment that was last copied forward
  Instant swept_at_{};
  std::uint32_t not_recycled_ = 0;  // the operator was warned of it
  TaskSet tasks_;
  io::Timer watch_{&on_watch, this};
  SpoolCounters counters_;
};

// A message that is still coming in: its content goes to the disk in pieces once it is longer than one, and nothing
// counts until commit().
// Owned by a message sink. What was appended is forgotten when it goes before commit() has returned.
class Draft {
 public:
  Draft(Spool& spool, QueueId id, CustomerShare share = kOwnShare, Purpose purpose = Purpose::mail)
      : spool_(spool), id_(id), share_(share), purpose_(purpose) {}
  ~Draft() { forget(); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // The error says why the message cannot be kept; nothing more needs to come.
  Task<std::expected<void, std::string>> append(Chain bytes);
  // What waits in memory to become a piece, or the message's end.
  [[nodiscard]] std::size_t in_memory() const { return rest_.size(); }
  // Makes a piece of it now.  As append().
  Task<std::expected<void, std::string>> write_out();
  // `stored` without content_bytes and pieces. Without an error it is kept.
  Task<std::expected<void, std::string>> commit(Stored stored, const message::DeliveryStatus& status);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  friend class Spool;
  Task<std::expected<void, std::string>> write_piece(std::size_t bytes);
  void forget();

  Spool& spool_;
  QueueId id_;
  CustomerShare share_;  // whose it is
  Purpose purpose_;
  Chain rest_;
  std::vector<Location> pieces_;
  std::uint64_t bytes_ = 0;
  std::string fault_;  // empty: none so far
};

}  // namespace sluice::spool
