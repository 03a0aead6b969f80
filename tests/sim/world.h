// A simulated world under which the engine runs unchanged: hosts, their network and disks, time, chance,
// workers and names, all in one thread and all from one seed, so that what went wrong once goes wrong again.
// Loops are made on its platforms, one for each simulated core, and run() gives them their turns.  Time stands
// still while anyone can go on, then jumps to the next thing that happens.
// Made before the loops and destroyed after them; one thread.
//
//   SimWorld world(seed, SimOptions::varied(seed));
//   Loop relay(world.platform("192.0.2.1"), limits), client(world.platform("192.0.2.2"), limits);
//   ...
//   EXPECT_TRUE(world.run({&relay, &client}, [&] { return done; }));
//
// What a run depends on but the seed (an address, a hash table's order, the true clock) breaks the replay:
// the same seed twice must give the same trace_hash().
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/loop.h"
#include "engine/io/names.h"
#include "engine/io/platform.h"
#include "tests/sim/context.h"
#include "tests/sim/disk.h"
#include "tests/sim/dns.h"
#include "tests/sim/network.h"
#include "tests/sim/ring.h"

namespace sluice::sim {

// The host names of the world.
class SimNames final : public io::Names {
 public:
  explicit SimNames(SimContext& context) : context_(context) {}
  void add(const std::string& name, std::string_view ip);
  std::expected<std::vector<io::Address>, std::string> look_up(const std::string& host, std::uint16_t port) override;
  std::vector<io::Address> in_hosts_file(const std::string& host, std::uint16_t port) override;

 private:
  SimContext& context_;
  std::map<std::string, std::vector<io::Address>> known_;  // the hosts file
};

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, const SimOptions& options = {});
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // The platform of another core of the host with this address.  For one loop.
  io::Platform platform(std::string_view ip);
  // The host's disk, which all its platforms share.
  SimDisk& disk(std::string_view ip);
  // The host has this address too.
  void add_address(std::string_view ip, std::string_view other);
  // Nothing comes from or goes to a host that is not reachable.
  void set_reachable(std::string_view ip, bool reachable);
  // Ends all that runs on this host: kill -9, or the loss of its power (see SimDisk for what stays on its disk).  Its
  // platforms are void: what programs on them still ask for fails and does nothing, so that they can be taken down.
  // Others see the end of a killed program's connections; nobody is told of a loss of power.
  void process_loss(std::string_view ip);
  void power_loss(std::string_view ip);
  void set_descriptors_max(std::string_view ip, std::size_t count);
  [[nodiscard]] std::size_t descriptors_open(std::string_view ip);
  // Sets the calendar clock; the monotonic one goes on.
  void jump_wall(std::int64_t milliseconds) { wall_jumped_ms_ += milliseconds; }

  SimFaults& faults() { return context_.faults; }
  SimNames& names() { return names_; }
  SimDns& dns() { return dns_; }
  [[nodiscard]] std::uint64_t seed() const { return context_.seed; }
  [[nodiscard]] Instant now() const { return context_.timeline.now(); }
  [[nodiscard]] std::uint64_t trace_hash() const { return context_.trace; }
  // Calls `event` after `delay`: what a test does to its world from outside.
  void after(Duration delay, std::function<void()> event);

  // Turns the loops until `until` holds.  False, with the seed on stderr, when it does not although nothing
  // will ever happen again, or when it does not after `turns_max` turns or `time_max` of simulated time.
  bool run(std::initializer_list<io::Loop*> loops, const std::function<bool()>& until);
  bool run(std::span<io::Loop* const> loops, const std::function<bool()>& until);
  std::uint64_t turns_max = 2'000'000;
  Duration time_max = std::chrono::hours(24);

 private:
  struct Core;
  [[nodiscard]] bool may_turn(io::Loop& loop) const;
  [[nodiscard]] Instant next_event(std::span<io::Loop* const> loops) const;
  void end_life(std::string_view ip, bool silently);
  bool give_up(const char* why, std::uint64_t turns) const;

  SimContext context_;
  std::string note_;  // the seed, for reports of failed checks
  const char* outer_note_;
  SimNetwork network_;
  SimNames names_;
  SimDns dns_;
  std::int64_t wall_jumped_ms_ = 0;
  std::size_t jobs_waiting_ = 0;
  std::map<std::string, std::unique_ptr<SimDisk>> disks_;  // by the host's address
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace sluice::sim
