// What the service manager (systemd) is told of this process: ready, reloading, stopping, its state in a sentence, and,
// for as long as every core's loop makes turns, that it is alive.  Nothing where no manager waits for it.
// Made by the main thread, before there are others, and outlives the cores.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/loop.h"
#include "engine/io/service_manager.h"

namespace sluice::server {

// How often a core's loop has shown that it makes turns.  Written by the core, read by the main thread.
struct Heartbeats {
  static constexpr std::uint64_t kEnded = UINT64_MAX;  // the loop makes no turns any more, and need not
  std::atomic<std::uint64_t> count{0};
};

// Counts `beats` from a timer of the core's loop, for as long as it lives.  The core's thread.
class Heart {
 public:
  // `every`: zero for nobody who waits for them.
  Heart(io::Loop& loop, Heartbeats& beats, Duration every);
  ~Heart();
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

 private:
  static void beat(void* self);
  io::Loop& loop_;
  Heartbeats& beats_;
  Duration every_;
  io::Timer timer_{&beat, this};
};

class ServiceNotices {
 public:
  ServiceNotices() : manager_(io::ServiceManager::of_environment()) {}

  // Zero: nobody waits for signs of life.
  [[nodiscard]] Duration beat_every() const;

  // Main thread, but for the two of a reload, which come in pairs from any.
  void starting(std::string_view what) const;
  // Signs of life begin with it.
  void ready(Instant now, std::size_t cores, std::uint64_t queued);
  void reloading() const;
  // `fault`: why the old configuration stays; empty: the new one is in force.
  void reloaded(const std::string& fault) const;
  // Open sessions have `drain` to end.
  void stopping(Duration drain) const;

  // Main thread.  A sign of life where one is due and each core has beaten since the last one; `beats`: a core each.
  void watch(Instant now, const std::vector<const Heartbeats*>& beats);
  // When watch() is to be called next, from `now` on; the maximum: never.
  [[nodiscard]] Duration until_watch(Instant now) const;

 private:
  [[nodiscard]] Duration watch_every() const;
  void notify(const std::string& lines) const;

  std::optional<io::ServiceManager> manager_;
  Instant due_ = Instant::max();      // the next look at the cores
  std::vector<std::uint64_t> seen_;   // of each core, at the last sign of life
  std::optional<std::size_t> stuck_;  // the core that the manager has been told of
};

}  // namespace sluice::server
