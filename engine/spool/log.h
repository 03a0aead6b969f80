// The end of one core's log: records gather while a write is under way, laid out behind it, and go out together in the
// next one at the moment in which it completes.
// Room says when more files are wanted.  Those that are made are ready segments from the start, so that none of what
// Room counts on needs anything of a full disk but a new name for a free file.
// Its states: no segment (one is being made, or cannot be) - idle - writing.  One write is in flight; of one that was
// cut short the rest is asked for, but one that fails is never tried again where it was: its records have failed, its
// segment is written no more, and what was laid out behind it goes to a new one; where the disk is full, behind it.
// Owned by a Spool; that core's thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/fair_queue.h"
#include "engine/base/span_histogram.h"
#include "engine/base/task.h"
#include "engine/io/aligned.h"
#include "engine/io/loop.h"
#include "engine/spool/batch.h"
#include "engine/spool/crowd.h"
#include "engine/spool/keyed_mutex.h"
#include "engine/spool/room.h"
#include "engine/spool/segments.h"

namespace sluice::spool {

struct LogOptions {
  std::string directory;
  std::uint32_t segment_bytes = kSegmentBytesDefault;
  bool synced = true;  // false: a write is answered for when the kernel has it
};

struct LogCounters {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failed_batches = 0;
  std::uint64_t segments_begun = 0;
  StageTimes sync;  // of batches that are on the disk: from the write to its completion
};

class Log {
 public:
  // A record on its way; lives in the frame that waits for it.
  struct Write {
    RecordType type = RecordType::done;
    std::uint64_t id = 0;
    std::string_view head;
    const Chain* content = nullptr;
    CustomerShare share;
    bool mail = false;  // that a client waits for: a file without a name does not keep it
    // Filled in:
    FairOrder order;
    Location location;
    bool durable = false;
    AsyncEvent event;

    [[nodiscard]] std::size_t payload() const { return head.size() + (content != nullptr ? content->size() : 0); }
    [[nodiscard]] std::uint32_t bytes() const { return frame_bytes(static_cast<std::uint32_t>(payload())); }
  };

  // `last_number` is shared by all cores: segments are numbered in the order in which they begin.
  // `on_warning` gets what the operator should know.
  // `free`: files that Room counts already.  `more`: called when there is
  // another one, or none can be made.
  Log(io::Loop& loop, Segments& segments, Room& room, std::atomic<std::uint32_t>& last_number, LogOptions options,
      std::vector<FreeFile> free, std::function<void(const std::string&)> on_warning, std::function<void()> more);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Goes on in the newest segment of an earlier life, whose file is open for writing, behind all that is in it.
  // Before start().
  void resume(std::uint32_t segment);
  // Makes the first segments, so that a disk that takes nothing is known before any mail is.
  void start();
  // Waits until the record is on the disk.  False: the log goes on without it; it may be there all the same where it
  // has a location.  Segments that messages and pieces went to are needed from then on: their writer releases
  // them.
  Task<bool> write(Write& write);
  // Makes one more file, whatever Room says.  False: it cannot be made.
  Task<bool> extend();
  // Whether it is known if mail can come: the files that are wanted for it are there, or could not be made.
  [[nodiscard]] bool settled() const { return !last_error_.empty() || (has_place() && room_.takes(Purpose::mail, 0)); }
  // Whether mail may come that would be written here.  Not from the first failure to make a file that is wanted until
  // there is room again: what is left then is for mail that is on its way.
  [[nodiscard]] bool takes_mail() const { return last_error_.empty() && !removed_ && (has_place() || preparing_); }
  // Why not, in words.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  // The file that is written was removed beneath the relay, with or without its directory.  Until the end: what is
  // written goes on being read back from it, and is lost with the process.
  [[nodiscard]] bool is_removed() const { return removed_; }
  // Asks whether it was; also before any write is answered.
  void look_at_name();
  // Its name, or that of the one to come; empty: there is none.
  [[nodiscard]] std::string place() const;
  // This segment is being written, or will be.
  [[nodiscard]] bool writes(std::uint32_t segment) const { return segment == active_; }
  // Where nothing is on its way to the segment, it is written no more, so that its file can be the next one's.
  void retire(std::uint32_t segment);
  // A file that is no segment any more.
  void add_free(FreeFile file);
  [[nodiscard]] std::size_t free_files() const { return free_.size(); }
  // Whether there is another segment behind the one that is written, or a file for it.
  [[nodiscard]] bool has_next() const { return !spares_.empty() || !free_.empty(); }
  // Room may want another file, or none any more.
  void room_changed();
  [[nodiscard]] const LogCounters& counters() const { return counters_; }
  // Every write() has returned; no further one may come.
  Task<void> close();

 private:
  // What one write carries, and its waiters.
  struct Flight {
    io::AlignedBytes memory{kBatchBytesMax};
    Batch batch{{reinterpret_cast<char*>(memory.data()), memory.size()}};
    std::vector<Write*> writes;
  };

  // Nothing is on its way, and nothing waits.
  [[nodiscard]] bool idle() const { return queue_.empty() && next_->writes.empty() && bytes_.empty(); }
  void waits(const Write& write, bool begins);
  void gather();
  bool lay_out(Segment& segment);
  void launch();
  void submit();
  static void on_written(void* self, const io::Completion& completion);
  void written(std::int32_t result);
  bool goes_on(std::int32_t result);
  void succeed(const std::vector<Write*>& writes);
  void abandon(std::int32_t result);
  [[nodiscard]] bool has_place() const { return active_ != 0 || !spares_.empty(); }
  void close_active();
  [[nodiscard]] bool must_go_on_here() const;
  void fail_waiting();
  // log_files.cc: ready segments, of new files and of free ones.
  struct Extension {
    bool made = false;
    AsyncEvent event;
  };
  [[nodiscard]] bool needs_spare() const;
  [[nodiscard]] bool needs_file() const { return room_.needs_file() || !extending_.empty(); }
  Task<void> make_files();
  Task<void> reuse_files();
  Task<bool> begin(FreeFile& file);
  void cannot_make(const io::DiskError& error);
  void clear_last_error();
  void tell_extended(bool made);

  io::Loop& loop_;
  Segments& segments_;
  Room& room_;
  std::atomic<std::uint32_t>& last_number_;
  LogOptions options_;
  std::vector<FreeFile> free_;
  std::function<void(const std::string&)> on_warning_;
  std::function<void()> more_;
  Crowd crowd_;             // mail: from write() to its answer
  FairQueue<Write> queue_;  // not laid out yet
  Flight flights_[2];
  Flight* next_ = &flights_[0];  // laid out for the active segment, behind what is in flight
  Flight* in_flight_ = &flights_[1];
  std::string_view bytes_;    // of it: being written, or what is left of it; empty: nothing is
  std::uint32_t offset_ = 0;  // where to
  std::uint32_t batch_offset_ = 0;
  Instant launched_at_{};
  unsigned standstills_ = 0;
  std::uint32_t active_ = 0;  // the segment that is written; 0: none
  bool resumed_ = false;      // the next write goes behind one that was cut short, or may have been
  unsigned failed_in_row_ = 0;
  std::deque<Segment> spares_;         // the next ones, ready, in the order of their numbers
  KeyedMutex beginning_;               // of segments
  std::vector<Extension*> extending_;  // they wait for the file that is being made
  bool preparing_ = false;             // new files
  bool reusing_ = false;               // free ones
  bool reuse_failed_ = false;
  AsyncEvent written_;  // close() waits for what is on its way
  bool removed_ = false;
  bool closing_ = false;
  std::string last_error_;
  int last_errno_ = 0;  // the errno that it is about
  TaskSet tasks_;
  io::Deferred gather_later_{[](void* self) { static_cast<Log*>(self)->gather(); }, this};
  LogCounters counters_;
};

}  // namespace sluice::spool
