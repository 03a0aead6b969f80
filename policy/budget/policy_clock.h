// The time that limits go by.
#pragma once

#include <chrono>

#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::policy {

// What policy goes by: the wall clock as it was at the start, and from there on the monotonic one, so that a clock that
// is set while the relay runs changes no window.  Thread-safe.
class PolicyClock {
 public:
  explicit PolicyClock(io::Clock& clock) : clock_(clock), wall_(clock.wall()), began_(clock.now()) {}
  [[nodiscard]] WallMillis now() const { return at(clock_.now()); }
  [[nodiscard]] WallMillis at(Instant instant) const {
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(instant - began_).count();
  }

 private:
  io::Clock& clock_;
  WallMillis wall_;
  Instant began_;
};

}  // namespace sluice::policy
