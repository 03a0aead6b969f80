#include "tests/sim/world.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>

namespace sluice::sim {
namespace {

constexpr WallMillis kWallStart = 1'767'225'600'000;  // 2026-01-01

// The host's, until the life of its disk ends in which they were made.
class SimSockets final : public io::Sockets {
 public:
  SimSockets(SimNetwork& network, SimHost& host, const SimDisk& disk)
      : network_(network), host_(host), disk_(disk), life_(disk.life()) {}
  std::expected<int, int> listen(const io::Address& address, const io::ListenOptions& options) override {
    if (over()) return std::unexpected(ENETDOWN);
    return network_.listen(host_, address, options);
  }
  std::expected<int, int> open(int family) override {
    if (over()) return std::unexpected(ENETDOWN);
    return network_.open(host_, family);
  }
  io::Address peer(int socket) override { return over() ? nowhere() : network_.socket(host_, socket).peer; }
  io::Address local(int socket) override { return over() ? nowhere() : network_.socket(host_, socket).local; }
  void end_output(int socket) override {
    if (!over()) network_.end_output(network_.socket(host_, socket));
  }
  void reset_at_close(int socket) override {
    if (!over()) network_.break_connection(network_.socket(host_, socket), ECONNRESET);
  }
  void close(int descriptor) override {
    if (!over()) network_.close(host_, descriptor);
  }

 private:
  [[nodiscard]] bool over() const { return disk_.life() != life_; }
  static io::Address nowhere() { return *io::Address::from_ip("0.0.0.0", 0); }
  SimNetwork& network_;
  SimHost& host_;
  const SimDisk& disk_;
  std::uint64_t life_;
};

class SimClock final : public io::Clock {
 public:
  SimClock(const SimTimeline& timeline, const std::int64_t& jumped_ms) : timeline_(timeline), jumped_ms_(jumped_ms) {}
  Instant now() override { return timeline_.now(); }
  WallMillis wall() override {
    return kWallStart + jumped_ms_ +
           std::chrono::duration_cast<std::chrono::milliseconds>(timeline_.now().time_since_epoch()).count();
  }

 private:
  const SimTimeline& timeline_;
  const std::int64_t& jumped_ms_;
};

// A job runs between two turns, a while after it was submitted.
class SimWorkers final : public io::Workers {
 public:
  SimWorkers(SimContext& context, const SimHost& host, std::size_t& waiting)
      : context_(context), host_(host), waiting_(waiting) {}
  bool submit(std::function<void()> job, CustomerShare /*share*/) override {
    const bool full = waiting_ >= context_.options.jobs_max;
    if (context_.faults.fails(SimCall::work, host_.ip) != 0 || full) return false;
    ++waiting_;
    context_.timeline.after(context_.random.between(Duration::zero(), context_.options.job_max),
                            [this, run = std::move(job)] {
                              --waiting_;
                              run();
                            });
    return true;
  }

 private:
  SimContext& context_;
  const SimHost& host_;
  std::size_t& waiting_;
};

}  // namespace

// ------------------------------------------------------------------------------------------ names

void SimNames::add(const std::string& name, std::string_view ip) {
  const auto address = io::Address::from_ip(ip, 0);
  if (!address) context_.broken("a simulated name has no address");
  known_[name].push_back(*address);
}

std::expected<std::vector<io::Address>, std::string> SimNames::look_up(const std::string& host, std::uint16_t port) {
  if (context_.faults.fails(SimCall::look_up, "") != 0) return std::unexpected(host + ": no name service");
  std::vector<io::Address> found = in_hosts_file(host, port);
  if (found.empty()) return std::unexpected(host + ": unknown");
  return found;
}

std::vector<io::Address> SimNames::in_hosts_file(const std::string& host, std::uint16_t port) {
  std::vector<io::Address> found;
  const auto it = known_.find(host);
  if (it == known_.end()) return found;
  for (const io::Address& address : it->second) found.push_back(io::Address::from_bytes(address.ip_bytes(), port));
  return found;
}

// ------------------------------------------------------------------------------------------ the world

struct SimWorld::Core {
  Core(SimWorld& world, SimHost& host, SimDisk& shared, std::uint64_t number)
      : ring(world.context_, world.network_, host, shared, number),
        sockets(world.network_, host, shared),
        clock(world.context_.timeline, world.wall_jumped_ms_),
        random(world.context_.seed * 1000 + number),
        workers(world.context_, host, world.jobs_waiting_),
        disk(shared) {}
  SimRing ring;
  SimSockets sockets;
  SimClock clock;
  SimRandom random;
  SimWorkers workers;
  SimDiskPlatform disk;
};

SimWorld::SimWorld(std::uint64_t seed, const SimOptions& options)
    : context_(seed, options),
      note_("simulation: seed " + std::to_string(seed)),
      outer_note_(set_check_note(note_.c_str())),
      network_(context_),
      names_(context_),
      dns_(context_) {}

SimWorld::~SimWorld() { set_check_note(outer_note_); }

io::Platform SimWorld::platform(std::string_view ip) {
  Core& core = *cores_.emplace_back(std::make_unique<Core>(*this, network_.host(ip), disk(ip), cores_.size()));
  return {core.ring, core.sockets, core.clock, core.random, core.workers, core.disk};
}

SimDisk& SimWorld::disk(std::string_view ip) {
  auto& disk = disks_[std::string(ip)];
  if (disk == nullptr) disk = std::make_unique<SimDisk>(context_, network_.host(ip));
  return *disk;
}

void SimWorld::add_address(std::string_view ip, std::string_view other) {
  const auto address = io::Address::from_ip(other, 0);
  if (!address) context_.broken("a simulated host's address is none");
  network_.host(ip).addresses.push_back(*address);
}

void SimWorld::set_reachable(std::string_view ip, bool reachable) {
  network_.set_reachable(network_.host(ip), reachable);
}

void SimWorld::process_loss(std::string_view ip) {
  disk(ip).process_loss();
  end_life(ip, /*silently=*/false);
}

void SimWorld::power_loss(std::string_view ip) {
  disk(ip).power_loss();
  end_life(ip, /*silently=*/true);
}

void SimWorld::end_life(std::string_view ip, bool silently) {
  SimHost& host = network_.host(ip);
  for (const auto& core : cores_)
    if (&core->ring.host() == &host) core->ring.end_life();
  network_.end_life(host, silently);
}

void SimWorld::set_descriptors_max(std::string_view ip, std::size_t count) {
  network_.host(ip).descriptors_max = count;
}

std::size_t SimWorld::descriptors_open(std::string_view ip) { return SimNetwork::descriptors_open(network_.host(ip)); }

void SimWorld::after(Duration delay, std::function<void()> event) { context_.timeline.after(delay, std::move(event)); }

// ------------------------------------------------------------------------------------------ running

bool SimWorld::may_turn(io::Loop& loop) const {
  for (const auto& core : cores_)
    if (&core->ring == &loop.platform().ring && core->ring.can_go_on()) return true;
  return loop.due() <= now();
}

Instant SimWorld::next_event(std::span<io::Loop* const> loops) const {
  Instant next = context_.timeline.next().value_or(Instant::max());
  for (const io::Loop* loop : loops) next = std::min(next, loop->due());
  return next;
}

bool SimWorld::give_up(const char* why, std::uint64_t turns) const {
  std::fprintf(stderr, "simulation: seed %" PRIu64 ": %s after %" PRIu64 " turns, trace %016" PRIx64 "\n",
               context_.seed, why, turns, context_.trace);
  return false;
}

bool SimWorld::run(std::initializer_list<io::Loop*> loops, const std::function<bool()>& until) {
  return run(std::span<io::Loop* const>(loops.begin(), loops.size()), until);
}

bool SimWorld::run(std::span<io::Loop* const> loops, const std::function<bool()>& until) {
  std::vector<io::Loop*> order(loops.begin(), loops.end());
  const Instant end = later(now(), time_max);
  std::uint64_t turns = 0;
  while (!until()) {
    context_.timeline.advance(now());
    std::swap(order[0], order[context_.random.below(order.size())]);
    bool turned = false;
    for (io::Loop* loop : order) {
      if (!may_turn(*loop)) continue;
      loop->turn(Duration::zero());
      turned = true;
      if (++turns >= turns_max) return give_up("too many turns", turns);
    }
    if (turned) continue;
    const Instant next = next_event(loops);
    if (next == Instant::max()) return give_up("nothing will happen any more", turns);
    if (next > end) return give_up("too much time has passed", turns);
    context_.timeline.advance(next);
    context_.note({static_cast<std::uint64_t>(now().time_since_epoch().count())});
  }
  return true;
}

}  // namespace sluice::sim
