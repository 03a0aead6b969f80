// The end of one core's log: records gather while a write is under way, laid out behind it, and go out together in the
// next one at the moment in which it completes.
// Its states: no segment (one is being made, or cannot be) - idle - writing.  One write is in flight; of one that was
// cut short the rest is asked for, but one that fails is never tried again where it was: its records have failed, its
// segment is written no more, and what was laid out behind it goes to a new one.
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

#include "engine/base/task.h"
#include "engine/io/aligned.h"
#include "engine/io/loop.h"
#include "engine/spool/batch.h"
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
};

class Log {
 public:
  // A record on its way; lives in the frame that waits for it.
  struct Write {
    RecordType type = RecordType::done;
    std::uint64_t id = 0;
    std::string_view head;
    const Chain* content = nullptr;
    // Filled in:
    Location location;
    bool durable = false;
    Gate gate;
  };

  // `last_number` is shared by all cores: segments are numbered in the order in which they begin.
  // `told` hears what the operator should know.
  Log(io::Loop& loop, Segments& segments, std::atomic<std::uint32_t>& last_number, LogOptions options,
      std::vector<std::string> free, std::function<void(const std::string&)> told);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Makes the first segment, so that a disk that takes nothing is known before any mail is.
  void start();
  // Waits until the record is on the disk.  False: the log goes on without it; it may be there all the same where it has
  // a location.  Segments that messages and pieces went to are needed from then on: whoever wrote them releases them.
  Task<bool> write(Write& write);
  // Whether a write has a place to go to, or waits for one that is being made and did not fail yet.
  [[nodiscard]] bool ready() const {
    return active_ != 0 || spare_.number != 0 || (preparing_ && trouble_.empty());
  }
  // Whether it is known if it can: the first segment is there, or could not be made.
  [[nodiscard]] bool settled() const { return active_ != 0 || spare_.number != 0 || !trouble_.empty(); }
  // Whether mail may come that would be written here.  Not from the first failure to make the next segment on: what is
  // left of the one that is written then, about half, is for what is said of messages that are there.  Without their
  // ends no segment would ever be free again.
  [[nodiscard]] bool takes_mail() const { return ready() && trouble_.empty(); }
  // Why not, in words.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  // This segment is being written, or will be.
  [[nodiscard]] bool writes(std::uint32_t segment) const { return segment == active_; }
  // Where no other segment can be made, an idle one that nothing needs is written no more, so that its file can be the
  // next one's.
  void retire(std::uint32_t segment);
  // A file that is no segment any more.
  void add_free(std::string name) { free_.push_back(std::move(name)); }
  [[nodiscard]] std::size_t free_files() const { return free_.size(); }
  [[nodiscard]] const LogCounters& counters() const { return counters_; }
  // Everything that was written has been told; no further write() may come.
  Task<void> close();

 private:
  // What one write carries, and who waits for it.
  struct Flight {
    io::AlignedBytes memory{kBatchBytesMax};
    Batch batch{{reinterpret_cast<char*>(memory.data()), memory.size()}};
    std::vector<Write*> writes;
  };

  // Nothing is on its way, and nothing waits.
  [[nodiscard]] bool idle() const { return queue_.empty() && next_->writes.empty() && bytes_.empty(); }
  void gather();
  bool lay_out(Segment& segment);
  void launch();
  void submit();
  static void on_written(void* self, const io::Completion& completion);
  void written(std::int32_t result);
  bool goes_on(std::int32_t result);
  void succeed(const std::vector<Write*>& writes);
  void abandon(std::int32_t result);
  void want_segment();
  Task<void> prepare();
  Task<bool> try_prepare();
  void fail_waiting();

  io::Loop& loop_;
  Segments& segments_;
  std::atomic<std::uint32_t>& last_number_;
  LogOptions options_;
  std::vector<std::string> free_;
  std::function<void(const std::string&)> told_;
  std::deque<Write*> queue_;         // not laid out yet
  Flight flights_[2];
  Flight* next_ = &flights_[0];      // laid out for the active segment, behind what is in flight
  Flight* in_flight_ = &flights_[1];
  std::string_view bytes_;         // of it: being written, or what is left of it; empty: nothing is
  std::uint32_t offset_ = 0;       // where to
  std::uint32_t batch_offset_ = 0;
  unsigned standstills_ = 0;
  std::uint32_t active_ = 0;       // the segment that is written; 0: none
  Segment spare_;                  // the next one, ready; number 0: none
  bool preparing_ = false;
  bool closing_ = false;
  std::string trouble_;
  int trouble_error_ = 0;  // the errno that it is about
  TaskSet tasks_;
  io::Deferred gather_later_{[](void* self) { static_cast<Log*>(self)->gather(); }, this};
  LogCounters counters_;
};

}  // namespace sluice::spool
