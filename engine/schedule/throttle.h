// What one destination is thought to bear, learned from what it says: how many transmissions at once (a window, after
// TCP's: RFC 5681), how fast one after another, and whether it is reachable at all.
//   - delivered: the window grows by one each time (slow start) until it is where it last was too much by half, then by
//     one a windowful; only if it was made use of.
//   - deferred (4xx): the window is halved, once for all that was under way.  At one, starts are spaced instead: a
//   pause
//     that doubles with each 4xx and shrinks with each delivery.
//   - unreachable: after so many in a row the destination is suspended for all, for a time that doubles; then one
//   probe.
//     Any answer, a refusal too, ends the suspension.
// Pure: time and chance are given.  A value inside a schedule's destination; that core's thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "engine/base/time.h"

namespace sluice::schedule {

// What became of one try, as far as the destination is concerned.
enum class Verdict : std::uint8_t {
  delivered,    // taken, for some of the recipients at least
  refused,      // 5xx, or 4xx about the recipients alone, for all
  deferred,     // 4xx about anything else
  unreachable,  // no host could be connected to, or was lost: refused, time-out, TLS, connection lost
  not_tried,    // for reasons of our own: says nothing about the destination
};

struct ThrottleOptions {
  std::uint16_t concurrency_start = 2;
  std::uint16_t concurrency_max = 20;
  double messages_per_second = 0;    // 0: no limit.  As many as fall into a tenth of a second may go at once
  std::uint8_t unreachable_max = 1;  // so many in a row suspend the destination
  Duration suspend_first = std::chrono::minutes(1);
  Duration suspend_max = std::chrono::hours(1);
  Duration pause_first = std::chrono::seconds(1);  // between starts, when 4xx come though only one is under way
  Duration pause_max = std::chrono::minutes(1);
};

class Throttle {
 public:
  explicit Throttle(const ThrottleOptions& options) : window_(options.concurrency_start) {}
  Throttle() = default;  // to be replaced before use

  // How many may start now.
  [[nodiscard]] std::uint32_t room(Instant now) const;
  // When time alone makes room; Instant::max(): it does not.
  [[nodiscard]] Instant room_at() const;

  // There must be room.  True: this is the probe of a suspended destination.
  bool start(const ThrottleOptions& options, Instant now);

  enum class Change : std::uint8_t { none, suspended, resumed };
  // `probe`: what start() said of it.
  Change finish(const ThrottleOptions& options, Verdict verdict, bool probe, Instant now, std::uint64_t random);

  // What became of a transmission that was not started here: cut-through delivery has room of its own.
  Change observe(const ThrottleOptions& options, Verdict verdict, Instant now, std::uint64_t random);

  // By the operator's command: may be tried now, without pause.  A suspended destination is probed.
  void reset_backoff(Instant now);

  [[nodiscard]] std::uint32_t running() const { return running_; }
  [[nodiscard]] std::uint32_t window() const { return window_; }
  [[nodiscard]] bool suspended() const { return suspended_; }
  [[nodiscard]] bool probing() const { return probing_; }
  // No start before that, whatever runs.
  [[nodiscard]] Instant not_before() const {
    return suspended_ ? std::max(suspended_until_, next_start_) : next_start_;
  }
  // Between two starts; zero: no limit.
  [[nodiscard]] Duration interval(const ThrottleOptions& options) const;

 private:
  Change fail(const ThrottleOptions& options, bool probe, Instant now, std::uint64_t random);
  Change resume(const ThrottleOptions& options);
  void grow(const ThrottleOptions& options);
  void shrink(const ThrottleOptions& options, Instant now);

  Instant next_start_ = Instant::min();  // not before: the rate and the pause
  Instant suspended_until_;
  Instant observe_after_ = Instant::min();  // a 4xx that is observed before says nothing new
  Duration pause_{};
  std::uint32_t running_ = 0;
  std::uint32_t under_way_ = 0;  // of them, so many may have been started before the last shrinking
  std::uint16_t window_ = 1;
  std::uint16_t threshold_ = UINT16_MAX;  // where slow start ends
  std::uint16_t credit_ = 0;              // deliveries towards the next growth after that
  std::uint8_t unreachable_ = 0;          // in a row
  std::uint8_t suspensions_ = 0;          // in a row
  bool suspended_ = false;
  bool probing_ = false;
};

}  // namespace sluice::schedule
