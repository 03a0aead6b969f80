// A coarse hierarchical timer wheel (Varghese and Lauck, 1987): arming and disarming cost a few pointer
// writes.  Timers fire up to one tick late, never early.  Pure: the caller passes the time.
// Owned by one core; that core's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/base/time.h"

namespace sluice::io {

// Lives inside whatever waits; disarm before it goes (checked).
class Timer {
 public:
  using Fire = void (*)(void* context);
  Timer(Fire fire, void* context) : fire_(fire), context_(context) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  [[nodiscard]] bool armed() const { return previous_ != nullptr; }

 private:
  friend class TimerWheel;
  Fire fire_;
  void* context_;
  Timer* next_ = nullptr;
  Timer** previous_ = nullptr;  // what points at this timer
  std::uint64_t tick_ = 0;
  std::uint16_t slot_ = 0;
};

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(8);

  explicit TimerWheel(Instant start) : start_(start) {}
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void arm(Timer& timer, Instant when);  // re-arms if armed
  void disarm(Timer& timer);             // nothing if not armed
  // Fires all that are due; a timer is disarmed before it fires and may arm itself again.
  void advance(Instant now);
  // An instant at or before the next expiry; nullopt when nothing is armed.
  [[nodiscard]] std::optional<Instant> next() const;
  [[nodiscard]] std::size_t armed() const { return armed_; }

 private:
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels = 5;  // 64^5 ticks of 8 ms: 99 days

  void insert(Timer& timer);
  void cascade(unsigned level);
  void fire_due();
  [[nodiscard]] std::uint64_t next_tick() const;

  Instant start_;
  std::uint64_t tick_ = 0;  // all timers of ticks before this one have fired
  std::size_t armed_ = 0;
  std::array<std::array<Timer*, kSlots>, kLevels> slots_{};
  std::array<std::uint64_t, kLevels> occupied_{};  // a bit a slot
};

}  // namespace sluice::io
