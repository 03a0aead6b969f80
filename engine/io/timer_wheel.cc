#include "engine/io/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/check.h"

namespace sluice::io {

Timer::~Timer() { CHECK(!armed()); }

TimerWheel::~TimerWheel() { CHECK(armed_ == 0); }

void TimerWheel::arm(Timer& timer, Instant when) {
  disarm(timer);
  const Duration since = std::max(when, start_) - start_;
  // Rounded up, and the tick under way has begun already: never early.
  const auto tick = static_cast<std::uint64_t>(since / kTick) + (since % kTick != Duration::zero() ? 1 : 0);
  timer.tick_ = std::max(tick, tick_);
  insert(timer);
  ++armed_;
}

void TimerWheel::insert(Timer& timer) {
  constexpr std::uint64_t kHorizon = (std::uint64_t{1} << (kSlotBits * kLevels)) - 1;
  const std::uint64_t tick = std::min(timer.tick_, tick_ + kHorizon);
  // The level is the highest group of slot bits in which the timer's tick differs from the current one.
  const std::uint64_t difference = tick ^ tick_;
  unsigned level = difference == 0 ? 0 : (static_cast<unsigned>(std::bit_width(difference)) - 1) / kSlotBits;
  level = std::min(level, kLevels - 1);
  const auto slot = static_cast<unsigned>((tick >> (level * kSlotBits)) & (kSlots - 1));
  Timer*& head = slots_[level][slot];
  timer.next_ = head;
  timer.previous_ = &head;
  if (head != nullptr) head->previous_ = &timer.next_;
  head = &timer;
  timer.slot_ = static_cast<std::uint16_t>(level * kSlots + slot);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::disarm(Timer& timer) {
  if (!timer.armed()) return;
  *timer.previous_ = timer.next_;
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  timer.previous_ = nullptr;
  timer.next_ = nullptr;
  const unsigned level = timer.slot_ / kSlots;
  const unsigned slot = timer.slot_ % kSlots;
  if (slots_[level][slot] == nullptr) occupied_[level] &= ~(std::uint64_t{1} << slot);
  --armed_;
}

void TimerWheel::cascade(unsigned level) {
  if (level >= kLevels) return;
  const auto slot = static_cast<unsigned>((tick_ >> (level * kSlotBits)) & (kSlots - 1));
  if (slot == 0) cascade(level + 1);
  Timer* timer = std::exchange(slots_[level][slot], nullptr);
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  while (timer != nullptr) {
    Timer* next = timer->next_;
    insert(*timer);
    timer = next;
  }
}

// Fires the timers of `tick_` and steps past it first, so that one which arms itself again at once has to
// wait for the next tick and cannot keep the core here.
void TimerWheel::fire_due() {
  const auto slot = static_cast<unsigned>(tick_ & (kSlots - 1));
  Timer* due = std::exchange(slots_[0][slot], nullptr);
  occupied_[0] &= ~(std::uint64_t{1} << slot);
  if (due != nullptr) due->previous_ = &due;
  ++tick_;
  if ((tick_ & (kSlots - 1)) == 0) cascade(1);
  while (due != nullptr) {
    Timer& timer = *due;
    disarm(timer);
    timer.fire_(timer.context_);
  }
}

// The first tick, from the current one on, at which a timer may be due or has to move to a lower level.
// Whatever is on a level comes before all that is on the levels above.
std::uint64_t TimerWheel::next_tick() const {
  if (occupied_[0] != 0)
    return tick_ +
           static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[0], static_cast<int>(tick_ & (kSlots - 1)))));
  unsigned level = 1;
  while (level < kLevels - 1 && occupied_[level] == 0) ++level;
  const std::uint64_t position = tick_ >> (level * kSlotBits);
  // What was in the current slot has moved down already: the next one is the first.
  const auto after = static_cast<int>((position + 1) & (kSlots - 1));
  const int empty = std::countr_zero(std::rotr(occupied_[level], after));
  return (position + 1 + static_cast<unsigned>(empty)) << (level * kSlotBits);
}

void TimerWheel::advance(Instant now) {
  const Duration since = now - start_;
  if (since < Duration::zero()) return;
  const auto target = static_cast<std::uint64_t>(since / kTick);  // ticks fully reached
  while (tick_ <= target) {
    const std::uint64_t next = armed_ == 0 ? UINT64_MAX : next_tick();
    if (next > target + 1) {
      tick_ = target + 1;  // past slots that are empty on every level
    } else if (next > tick_) {
      tick_ = next;
      if ((tick_ & (kSlots - 1)) == 0) cascade(1);
    } else {
      fire_due();
    }
  }
}

std::optional<Instant> TimerWheel::next() const {
  if (armed_ == 0) return std::nullopt;
  const std::uint64_t ticks_max = static_cast<std::uint64_t>((Instant::max() - start_) / kTick);
  return start_ + kTick * static_cast<Duration::rep>(std::min(next_tick(), ticks_max));
}

}  // namespace sluice::io
