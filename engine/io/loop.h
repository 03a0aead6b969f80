// One core's event loop: submits, waits, hands completions to the starter of the operation, fires timers,
// runs what became ready.  It does not depend on what the operations are for, and runs the same on the real
// platform and on the simulated one.  Its own thread only, but for post() and stop().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/base/slab.h"
#include "engine/base/task.h"
#include "engine/io/buffer_pool.h"
#include "engine/io/inbox.h"
#include "engine/io/platform.h"
#include "engine/io/timer_wheel.h"

namespace sluice::io {

class Loop;

enum class OperationKind : std::uint8_t { accept = 1, receive, send, connect, close, cancel, write_file, read_file };

// A record of the slab: the callback.  `on_completion` runs once a completion; the record goes with the last one.
struct Operation {
  using OnCompletion = void (*)(void* context, const Completion& completion);
  OnCompletion on_completion = nullptr;
  void* context = nullptr;
};

using OperationId = SlabId;

// Something that can be ended at once, because the core must stop.  Registers itself.
class Abortable {
 public:
  virtual void abort() = 0;

 protected:
  explicit Abortable(Loop& loop);
  ~Abortable();
  // abort_outgoing() passes this one by.
  void spare() { spared_ = true; }
  Abortable(const Abortable&) = delete;
  Abortable& operator=(const Abortable&) = delete;

 private:
  friend class Loop;
  Abortable* next_ = nullptr;
  Abortable** previous_ = nullptr;
  bool spared_ = false;
};

// Work that is put off to the end of the turn, so that what gathers meanwhile is done at once.
class Deferred {
 public:
  using Run = void (*)(void* context);
  Deferred(Run run, void* context) : run_(run), context_(context) {}
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

 private:
  friend class Loop;
  Run run_;
  void* context_;
  Deferred* next_ = nullptr;
  Deferred** previous_ = nullptr;
};

struct LoopLimits {
  std::uint32_t operations_max = 1U << 18;
  std::uint32_t buffers = 512;  // receive buffers shared by the core's connections
  std::uint32_t buffer_bytes = 16384;
};

struct LoopCounters {
  std::uint64_t turns = 0;
  std::uint64_t completions = 0;
  std::uint64_t operations = 0;
  std::uint64_t buffers_missing = 0;  // receives that found no buffer
};

class Loop {
 public:
  Loop(Platform platform, const LoopLimits& limits);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop() was called and `settled` says that nothing is left to wait for.
  void run(const std::function<bool()>& settled);
  // One turn: at most `wait_max` of waiting.  For callers that run several loops on one thread.
  void turn(Duration wait_max);
  // When the next turn is due although nothing completes: now(), at the next timer, or never (the maximum).
  [[nodiscard]] Instant due() const;
  // Any thread.
  void stop();
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }

  // Runs `work` before the loop waits next; once, however often it is asked for.
  void defer(Deferred& work) { put_off(work, deferred_); }
  // Likewise, for what starts operations: where a turn is long, those whose customers' work is done begin before its
  // end, when the kernel is called next.
  void defer_start(Deferred& work) { put_off(work, starts_); }

  // Tells everything that waits for the world to end.  What still has to be waited for afterwards is
  // what the kernel owes us.  Connections that are made later are terminated from the start.
  void abort_all();
  // The step before: only what is asked of others (next hops, names) ends, so that a peer that waits for an answer,
  // such as a client for the reply to its message, can still be given one.
  void abort_outgoing();
  [[nodiscard]] bool aborting() const { return aborting_; }

  // Any thread: runs `message` on this core in one of its next turns.
  void post(std::function<void()> message);

  // The time at which this turn began; monotonic.
  [[nodiscard]] Instant now() const { return now_; }
  Platform& platform() { return platform_; }
  TimerWheel& timers() { return timers_; }
  BufferPool& buffers() { return buffers_; }
  [[nodiscard]] const BufferPool& buffers() const { return buffers_; }
  [[nodiscard]] const LoopCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint32_t operations_live() const { return operations_.live(); }

  // Starting operations.  `context` must stay until the last completion was delivered.
  OperationId accept(int listener, Operation::OnCompletion on_completion, void* context);
  OperationId receive(int socket, bool poll_first, Operation::OnCompletion on_completion, void* context);
  OperationId send(int socket, const msghdr* message, Operation::OnCompletion on_completion, void* context);
  OperationId send(int socket, std::string_view bytes, Operation::OnCompletion on_completion, void* context);
  OperationId connect(int socket, const Address* address, Operation::OnCompletion on_completion, void* context);
  // As Ring's; for waiting there is engine/io/file_wait.h.
  OperationId write_file(int file, std::string_view bytes, std::uint64_t offset, bool durable,
                         Operation::OnCompletion on_completion, void* context);
  OperationId read_file(int file, std::span<std::byte> bytes, std::uint64_t offset,
                        Operation::OnCompletion on_completion, void* context);
  // Hands what was started to the kernel now, as Ring's.
  void submit() { platform_.ring.submit(); }
  // From now on, or no more: whenever the kernel is called its threads that write and read files get this thread's CPU
  // first, if they want it.  They are pinned to it like the core, and wait for it as long as the scheduler pleases,
  // where they have just done much: for many times what a write of a few messages takes.  Each time costs a switch and
  // a smaller write, so it is for what a customer waits for whose own work is little.
  void hurry_files(bool hurry) { files_hurried_ = hurry; }
  // Closes without anyone waiting; the loop counts it until it is done.
  void close(int descriptor);
  void cancel(OperationId id, OperationKind kind);

  // Waits.
  class SleepAwaiter;
  SleepAwaiter sleep(Duration duration, const char* what);
  // Until all others had their turn: what would take long is done in parts, one in each turn.
  class TurnAwaiter;
  TurnAwaiter next_turn(const char* what);

 private:
  friend class Abortable;
  OperationId start(Operation::OnCompletion on_completion, void* context);
  std::size_t call_kernel(Duration wait, std::span<Completion> completions);
  void dispatch(const Completion& completion);
  static void put_off(Deferred& work, Deferred*& list);
  static void run_all(Deferred*& list);
  void run_ready(std::span<Completion> room);

  Platform platform_;
  Instant now_;
  TimerWheel timers_;
  ReadyQueue ready_;
  Slab<Operation> operations_;
  Inbox inbox_;
  BufferPool buffers_;
  LoopCounters counters_;
  Abortable* abortables_ = nullptr;
  Deferred* deferred_ = nullptr;
  Deferred* starts_ = nullptr;
  bool aborting_ = false;
  bool files_hurried_ = false;
  std::atomic<bool> stopping_{false};
};

class Loop::SleepAwaiter : public Awaiter<SleepAwaiter> {
 public:
  SleepAwaiter(Loop& loop, Duration duration, const char* what)
      : Awaiter(what), loop_(loop), when_(later(loop.now(), duration)) {}
  void begin() { loop_.timers().arm(timer_, when_); }
  static void await_resume() noexcept {}

 private:
  static void fire(void* self) { static_cast<SleepAwaiter*>(self)->wake(); }
  Loop& loop_;
  Instant when_;
  Timer timer_{&fire, this};
};

inline Loop::SleepAwaiter Loop::sleep(Duration duration, const char* what) { return {*this, duration, what}; }

class Loop::TurnAwaiter : public Awaiter<TurnAwaiter> {
 public:
  TurnAwaiter(Loop& loop, const char* what) : Awaiter(what), loop_(loop) {}
  void begin() { loop_.defer(turn_); }
  static void await_resume() noexcept {}

 private:
  static void on_turn(void* self) { static_cast<TurnAwaiter*>(self)->wake(); }
  Loop& loop_;
  Deferred turn_{&on_turn, this};
};

inline Loop::TurnAwaiter Loop::next_turn(const char* what) { return {*this, what}; }

// Runs `job` on a worker and waits for its result.  nullopt when the workers' queue is full.  The job
// must not touch anything that belongs to a core.  `share`: whose turn it is.
template <typename T>
class WorkAwaiter : public Awaiter<WorkAwaiter<T>> {
 public:
  WorkAwaiter(Loop& loop, Workers& workers, std::function<T()> job, const char* what, CustomerShare share)
      : Awaiter<WorkAwaiter>(what), loop_(loop), workers_(workers), job_(std::move(job)), share_(share) {}
  bool begin() {
    // This frame waits, so it outlives the job: the job may write into it.
    return workers_.submit(
        [this] {
          result_.emplace(job_());
          loop_.post([this] { this->wake(); });
        },
        share_);
  }
  std::optional<T> await_resume() { return std::move(result_); }

 private:
  Loop& loop_;
  Workers& workers_;
  std::function<T()> job_;
  CustomerShare share_;
  std::optional<T> result_;
};

template <typename T>
WorkAwaiter<T> run_on_worker(Loop& loop, std::function<T()> job, const char* what, CustomerShare share = kOwnShare) {
  return {loop, loop.platform().workers, std::move(job), what, share};
}

// Likewise, on workers of the caller's.
template <typename T>
WorkAwaiter<T> run_on_workers(Loop& loop, Workers& workers, std::function<T()> job, const char* what,
                              CustomerShare share = kOwnShare) {
  return {loop, workers, std::move(job), what, share};
}

}  // namespace sluice::io
