// A thread's event loop on the real platform, with all that it stands on.
// Made, used and destroyed on one thread.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine/io/loop.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"

namespace sluice::load {

// For a signal, before it is waited for again.
inline constexpr Duration kLongestWait = std::chrono::hours(1);

// What the loops of a process share. Outlives them.
struct SharedPlatform {
  std::unique_ptr<io::Sockets> sockets = io::make_real_sockets();
  std::unique_ptr<io::Workers> workers = io::make_real_workers(1, 16);
  std::unique_ptr<io::Disk> disk = io::make_real_disk();
};

class OwnLoop {
 public:
  // The error says what the kernel refused.
  static std::expected<std::unique_ptr<OwnLoop>, std::string> make(SharedPlatform& shared) {
    const io::LoopLimits limits{.buffers = 1024};
    auto ring = io::make_real_ring({.buffers = limits.buffers});
    if (!ring) return std::unexpected(ring.error());
    return std::unique_ptr<OwnLoop>(new OwnLoop(shared, *std::move(ring), limits));
  }
  OwnLoop(const OwnLoop&) = delete;
  OwnLoop& operator=(const OwnLoop&) = delete;

  io::Loop& loop() { return loop_; }

 private:
  OwnLoop(SharedPlatform& shared, std::unique_ptr<io::Ring> ring, const io::LoopLimits& limits)
      : ring_(std::move(ring)),
        loop_({*ring_, *shared.sockets, *clock_, *random_, *shared.workers, *shared.disk}, limits) {}

  std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  std::unique_ptr<io::Ring> ring_;
  io::Loop loop_;
};

}  // namespace sluice::load
