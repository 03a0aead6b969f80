// The trace: the consumer of events that keeps all that happens to messages, to be found by sluicectl trace (search.h).
// The event thread only copies an event into a queue; a thread of the trace's own makes blocks of them (block.h), ends
// one at least every kFlushInterval, and writes it.  Nothing waits for that thread: what finds the queue full, and what
// cannot be written, is lost and counted, and events say so.  A process that is killed loses what was not written; a
// loss of power, what the kernel had not.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/time.h"
#include "engine/event/consumer.h"
#include "engine/event/dispatcher.h"
#include "engine/io/disk.h"
#include "engine/io/platform.h"
#include "engine/trace/block.h"
#include "engine/trace/event_records.h"
#include "engine/trace/segment_writer.h"

namespace sluice::trace {

struct TraceOptions {
  std::string directory;
  SegmentLimits limits;
  std::size_t queue_bytes_max = std::size_t{16} << 20;
};

// Owned by the program, made before the event thread starts, and gone after it.
class Trace final : public event::Consumer {
 public:
  static constexpr event::Severity kLeast = event::Severity::info;
  static constexpr Duration kFlushInterval = std::chrono::seconds(1);

  // All of them outlive it.
  Trace(const TraceOptions& options, io::Clock& clock, io::Disk& disk, event::Dispatcher& events);
  ~Trace() override;

  void start();
  // The event thread has ended.  Writes what is left.
  void stop();

  void take(const event::Event& event) override;
  [[nodiscard]] bool keeps() const override { return true; }
  event::Rest turn(event::Emitter& own) override;

 private:
  struct News {
    std::string fault;       // what is wrong now; empty: nothing
    std::uint64_t lost = 0;  // events, since the start
  };
  void run();
  void write(const EventRecords& records);
  void flush();
  void report(std::string fault);
  void failed(std::string fault, std::uint32_t events);

  const TraceOptions options_;
  io::Clock& clock_;
  event::Dispatcher& events_;
  std::vector<bool> recorded_;  // by kind of event

  // The event thread's.
  EventRecords taken_;
  std::uint64_t dropped_ = 0;  // since the last turn
  News reported_;
  std::uint64_t lost_reported_ = 0;

  std::mutex mutex_;  // over the next ones; never held over a write
  std::condition_variable woken_;
  EventRecords queue_;
  News news_;
  bool stopping_ = false;

  // The trace's thread's.
  SegmentWriter writer_;
  BlockWriter block_;
  Instant flush_due_;
  Instant retry_at_;  // behind a fault nothing is written until then
  Instant look_at_;   // whether something is too old
  std::thread thread_;
};

}  // namespace sluice::trace
