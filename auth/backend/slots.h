// At most so many conversations with a back end at one time on a core; others wait in the order of their arrival, each
// until its own deadline.  Owned by a core's back end, which outlives all slots and waits (checked); that core's thread
// only.
#pragma once

#include <cstdint>
#include <list>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"

namespace sluice::auth {

class Slots {
 public:
  Slots(io::Loop& loop, std::uint32_t most) : loop_(loop), free_(most) {}
  ~Slots() { CHECK(taken_ == 0 && waiting_.empty()); }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // One of them, or none; given back when it goes.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(Slots& slots) : slots_(&slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->give_back();
    }
    explicit operator bool() const { return slots_ != nullptr; }

   private:
    Slots* slots_ = nullptr;
  };

  // None where none is free until `deadline`, or the core stops meanwhile.
  class Wait;
  Wait take(Instant deadline);

 private:
  void give_back();

  io::Loop& loop_;
  std::uint32_t free_;
  std::uint32_t taken_ = 0;
  std::list<Wait*> waiting_;  // in order of arrival
};

class Slots::Wait final : public Awaiter<Wait>, private io::Abortable {
 public:
  Wait(Slots& slots, Instant deadline)
      : Awaiter("a slot of a back end"), Abortable(slots.loop_), slots_(slots), deadline_(deadline) {}
  [[nodiscard]] bool await_ready() {
    if (slots_.free_ == 0) return false;
    --slots_.free_;
    ++slots_.taken_;
    granted_ = true;
    return true;
  }
  void begin() {
    place_ = slots_.waiting_.insert(slots_.waiting_.end(), this);
    waiting_ = true;
    slots_.loop_.timers().arm(timer_, deadline_);
  }
  [[nodiscard]] Slot await_resume() { return granted_ ? Slot(slots_) : Slot(); }

 private:
  friend class Slots;
  void end(bool granted) {
    if (!waiting_) return;
    waiting_ = false;
    granted_ = granted;
    slots_.waiting_.erase(place_);
    slots_.loop_.timers().disarm(timer_);
    wake();
  }
  void abort() override { end(false); }

  Slots& slots_;
  Instant deadline_;
  io::Timer timer_{[](void* self) { static_cast<Wait*>(self)->end(false); }, this};
  std::list<Wait*>::iterator place_;
  bool waiting_ = false;
  bool granted_ = false;
};

inline Slots::Wait Slots::take(Instant deadline) { return {*this, deadline}; }

inline void Slots::give_back() {
  if (!waiting_.empty()) {
    waiting_.front()->end(true);  // it is theirs from here on
    return;
  }
  ++free_;
  --taken_;
}

}  // namespace sluice::auth
