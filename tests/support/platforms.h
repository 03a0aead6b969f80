// Loops for tests, on the real platform or on the simulated one, and the check that nothing is left of them:
// no operation, no buffer, no block, no task, no descriptor.
// Owned by one test; its thread only.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"
#include "tests/sim/world.h"

namespace sluice::testing {

using namespace std::chrono_literals;

enum class PlatformKind : std::uint8_t { real, simulated };

inline std::ostream& operator<<(std::ostream& out, PlatformKind kind) {
  return out << (kind == PlatformKind::real ? "real" : "simulated");
}

class Platforms {
 public:
  explicit Platforms(PlatformKind kind, std::uint64_t seed = 1, const sim::SimOptions& options = {})
      : descriptors_before_(descriptors_open()) {
    // Threads only for the real ones: a test without any is not run by the thread sanitizer.
    if (kind == PlatformKind::real)
      workers_ = io::make_real_workers(2, 64);
    else
      world_ = std::make_unique<sim::SimWorld>(seed, options);
  }
  Platforms(const Platforms&) = delete;
  Platforms& operator=(const Platforms&) = delete;
  ~Platforms() { expect_nothing_left(); }

  // A loop on the host with this address; real ones are all on this machine.
  io::Loop& add_loop(std::string_view ip, const io::LoopLimits& limits = {}) {
    hosts_.emplace(ip);
    if (world_ != nullptr) return *loops_.emplace_back(std::make_unique<io::Loop>(world_->platform(ip), limits));
    auto ring = io::make_real_ring({.submissions = 256, .completions = 4096, .buffers = limits.buffers});
    if (!ring) throw std::runtime_error(ring.error());
    rings_.push_back(*std::move(ring));
    const io::Platform platform{*rings_.back(), *sockets_, *clock_, *random_, *workers_, *disk_};
    return *loops_.emplace_back(std::make_unique<io::Loop>(platform, limits));
  }
  // A loop on a platform of world() that the caller owns gets its turns from here on, until it is removed.
  void add_foreign(std::string_view ip, io::Loop& loop) {
    hosts_.emplace(ip);
    foreign_.push_back(&loop);
  }
  void remove_foreign(io::Loop& loop) { std::erase(foreign_, &loop); }
  // Where a loop of this host may listen; the port is chosen.
  [[nodiscard]] io::Address address(std::string_view ip, std::uint16_t port = 0) const {
    return *io::Address::from_ip(world_ != nullptr ? ip : "127.0.0.1", port);
  }
  // Turns all loops until `until` holds; false when that takes too long.
  bool run_until(const std::function<bool()>& until) {
    if (world_ != nullptr) return world_->run(all(), until);
    const Instant limit = clock_->now() + 60s;
    while (!until()) {
      for (const auto& loop : loops_) loop->turn(loops_.size() == 1 ? 10ms : 200us);
      if (clock_->now() > limit) return false;
    }
    return true;
  }
  // Turns them for a while.
  bool run_for(Duration duration) {
    io::Loop& first = *loops_.front();
    const Instant end = first.now() + duration;
    bool over = false;
    io::Timer timer([](void* flag) { *static_cast<bool*>(flag) = true; }, &over);
    first.timers().arm(timer, end);
    return run_until([&] { return over; });
  }
  // The same, but only one loop gets turns.
  void run_only(io::Loop& loop, Duration duration) {
    if (world_ != nullptr) {
      bool over = false;
      world_->after(duration, [&] { over = true; });
      EXPECT_TRUE(world_->run({&loop}, [&] { return over; }));
      return;
    }
    const Instant end = clock_->now() + duration;
    while (clock_->now() < end) loop.turn(1ms);
  }
  sim::SimWorld& world() { return *world_; }
  [[nodiscard]] bool simulated() const { return world_ != nullptr; }

  // Ends all loops.
  void expect_nothing_left() {
    if (over_) return;
    over_ = true;
    EXPECT_TRUE(foreign_.empty());
    EXPECT_TRUE(run_until([&] {
      for (const auto& loop : loops_)
        if (loop->operations_live() != 0) return false;
      return true;
    })) << "operations that never ended";
    for (const auto& loop : loops_) {
      EXPECT_EQ(loop->buffers().in_use(), 0U);
      EXPECT_EQ(loop->timers().armed(), 0U);
    }
    EXPECT_EQ(heap_blocks_live(), 0);
    EXPECT_EQ(task_frames_live(), 0);
    if (world_ != nullptr) {
      for (const std::string& host : hosts_) EXPECT_EQ(world_->descriptors_open(host), 0U) << host;
    }
    loops_.clear();
    workers_ = nullptr;  // which may still be waking a ring
    rings_.clear();
    EXPECT_EQ(descriptors_open(), descriptors_before_);
  }

  static std::size_t descriptors_open() {
    namespace fs = std::filesystem;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
  }

 private:
  [[nodiscard]] std::vector<io::Loop*> all() const {
    std::vector<io::Loop*> loops = foreign_;
    for (const auto& loop : loops_) loops.push_back(loop.get());
    return loops;
  }

  std::size_t descriptors_before_;
  bool over_ = false;
  std::unique_ptr<sim::SimWorld> world_;
  std::unique_ptr<io::Sockets> sockets_ = io::make_real_sockets();
  std::unique_ptr<io::Clock> clock_ = io::make_real_clock();
  std::unique_ptr<io::Random> random_ = io::make_real_random();
  std::vector<std::unique_ptr<io::Ring>> rings_;
  std::unique_ptr<io::Disk> disk_ = io::make_real_disk();
  std::unique_ptr<io::Workers> workers_;  // of the real ones only
  std::set<std::string> hosts_;
  std::vector<std::unique_ptr<io::Loop>> loops_;
  std::vector<io::Loop*> foreign_;
};

// A test that runs on both.
class BothPlatforms : public ::testing::TestWithParam<PlatformKind> {
 protected:
  Platforms platforms_{GetParam()};
};

inline std::string platform_name(const ::testing::TestParamInfo<PlatformKind>& info) {
  return info.param == PlatformKind::real ? "Real" : "Simulated";
}

}  // namespace sluice::testing
