// How an event gets from where it happens to all that are to see it:
//
//   core   Emitter::emit -> its ring --\
//   core   Emitter::emit -> its ring ----> event thread -> Consumer (log), Consumer ...
//   main   Emitter::emit -> its ring --/
//
// To emit takes no lock, allocates nothing and never waits.  It makes a system call only where the event thread sleeps
// and is to be woken: that thread sleeps once all rings are empty, and while events come in it looks at the rings once
// an interval, or when one of them is half full.  An event that finds its ring full is lost and counted, and the event
// events_lost says how many there were; the last part of each ring is kept for events of severity error.  The events of
// one thread stay in their order; those of several may be out of order by about one interval.
//
// What is in the rings when a CHECK fails is still taken off them, for at most kCrashFlushMax: the thread that failed
// waits for the event thread, which shares nothing with it but the rings.  After a signal such as SIGSEGV nothing is
// done, as memory cannot be trusted then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/base/time.h"
#include "engine/event/consumer.h"
#include "engine/event/events.h"
#include "engine/event/privacy.h"
#include "engine/event/ring.h"
#include "engine/io/platform.h"
#include "engine/io/service_thread.h"

namespace sluice::event {

class Dispatcher;

// One thread's end.  Owned by the dispatcher; used by one thread at a time.
class Emitter {
 public:
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  // `event` is one of events.h; its texts are copied.
  template <typename T>
  void emit(const T& event, Severity severity = T::kSeverity) {
    record(T::kKind, severity, values_of(event));
  }
  // Any thread.  Events that found the ring full, since the start.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_acquire); }

 private:
  friend class Dispatcher;
  Emitter(Dispatcher& dispatcher, std::size_t ring_bytes) : dispatcher_(dispatcher), ring_(ring_bytes) {}
  void record(Kind kind, Severity severity, std::span<const Value> values);

  Dispatcher& dispatcher_;
  Ring ring_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> errors_lost_{0};  // of these, those of severity error
};

struct DispatcherOptions {
  std::size_t ring_bytes = 1024 * 1024;               // of each thread; a power of two
  Duration interval = std::chrono::milliseconds(10);  // between two rounds while there is something
  Duration flush_timeout = std::chrono::seconds(2);   // at stop(), for a consumer that has no end
  void (*give_way)() = io::give_way;                  // between two parts of a round
};

// Owned by the program, made before the threads that emit and gone after them.
class Dispatcher {
 public:
  static constexpr std::size_t kConsumersMax = 12;
  static constexpr Duration kCrashFlushMax = std::chrono::seconds(1);

  // `clock` outlives the dispatcher, and is asked by every thread that emits.
  Dispatcher(const DispatcherOptions& options, io::Clock& clock);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Before start(); `consumer` is there until stop(), and has a use for events from `least` on.
  void add(Consumer& consumer, Severity least = Severity::debug);
  // Any thread; for each thread its own.
  Emitter& open();

  // Starts the event thread.  Before that, and after stop(), consumers have seen an event when emit() returns; then
  // only one thread may emit.  Simulation never starts it.
  void start();
  // Gives consumers what is left, and each its time to put it away, and joins the event thread.  Threads that emit have
  // ended.
  void stop();

  // Any thread: every consumer gets a turn soon; where there is no event thread, before this returns.
  void request_turn();
  // Any thread: what consumers that keep events get of addresses from now on; at first all.
  void set_privacy(const PrivacyOptions& options);
  // Any thread: the consumer has a use for events from this severity on.  Events that no consumer has a use for are not
  // recorded; those that another one wants may come all the same.
  void set_least(const Consumer& consumer, Severity severity);

 private:
  friend class Emitter;

  [[nodiscard]] Severity least() const { return least_.load(std::memory_order_relaxed); }
  [[nodiscard]] WallMillis wall() { return clock_.wall(); }
  void recorded(Emitter& emitter);
  void wake();
  void run();
  bool drain();
  bool drain(Emitter& emitter);
  void give(const Event& event);
  void emit_lost();
  Rest take_turns();
  void round();
  void sleep(bool moved, Rest rest, bool stopping);
  void wait(int timeout_ms);
  [[nodiscard]] bool all_empty();
  void flush_before_abort();

  const DispatcherOptions options_;
  io::Clock& clock_;
  std::atomic<Severity> least_{Severity::debug};  // of all consumers
  std::vector<Consumer*> consumers_;

  std::mutex mutex_;                        // over the next three
  std::shared_ptr<const Privacy> privacy_;  // null: all is kept
  std::vector<Severity> consumers_least_;   // of each
  std::vector<std::unique_ptr<Emitter>> emitters_;

  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> turn_requested_{false};
  std::atomic<bool> asleep_{false};     // the event thread waits until it is woken
  std::atomic<bool> half_full_{false};  // the event thread was woken for that
  std::atomic<std::uint64_t> flushes_asked_{0};
  std::atomic<std::uint64_t> flushes_done_{0};
  int wake_ = -1;  // eventfd
  std::thread thread_;

  // The event thread's; without one, the emitting thread's.
  Emitter own_;
  std::vector<Emitter*> seen_;
  std::shared_ptr<const Privacy> privacy_in_use_;
  PrivateValues private_values_;
  std::uint64_t lost_emitted_ = 0;
  std::uint64_t errors_lost_emitted_ = 0;
  std::array<int, kConsumersMax> writable_{};  // descriptors that consumers wait for; -1: none
};

}  // namespace sluice::event
