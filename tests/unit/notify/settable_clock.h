// A clock that a test sets.  Any thread.
#pragma once

#include <atomic>

#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::notify {

class SettableClock final : public io::Clock {
 public:
  Instant now() override { return Instant(passed_.load()); }
  WallMillis wall() override { return 1'795'915'425'678 + (passed_.load() - kStart) / std::chrono::milliseconds(1); }
  void pass(Duration span) { passed_ = passed_.load() + span; }

 private:
  static constexpr Duration kStart = std::chrono::hours(1);
  std::atomic<Duration> passed_{kStart};
};

}  // namespace sluice::notify
