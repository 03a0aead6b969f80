#include "engine/relay/pool.h"

#include <algorithm>

namespace sluice::relay {
namespace {

constexpr Duration kBackOffFirst = std::chrono::seconds(1);
constexpr Duration kBackOffMax = std::chrono::seconds(60);
constexpr Duration kSweepEvery = std::chrono::seconds(1);

Duration back_off(std::uint32_t failures) {
  const std::uint32_t doublings = std::min(failures - 1, 6U);
  return std::min(kBackOffFirst * (1U << doublings), kBackOffMax);
}

Task<void> close_and_free(std::unique_ptr<NextHop> hop) { co_await hop->close(); }

}  // namespace

struct Pool::Waiter {
  explicit Waiter(Pool& pool) : pool_(pool) {
    pool.waiters_.push_back(this);
    pool.loop_.timers().arm(timer_, pool.loop_.now() + pool.route_.connect_timeout);
  }
  ~Waiter() { pool_.loop_.timers().disarm(timer_); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  static void expire(void* context) {
    auto& self = *static_cast<Waiter*>(context);
    self.expired = true;
    std::erase(self.pool_.waiters_, &self);  // or it would be given a turn that it does not use
    self.gate.open();
  }
  Pool& pool_;
  Gate gate;
  bool expired = false;
  io::Timer timer_{&expire, this};
};

Pool::Pool(io::Loop& loop, net::Resolver& resolver, const Route& route, std::string hostname,
           net::TlsClientContext* tls)
    : loop_(loop), resolver_(resolver), route_(route), hostname_(std::move(hostname)), tls_(tls) {
  CHECK(route.tls == RouteTls::none || tls != nullptr);
  for (const NextHopHost& name : route.hosts) {
    Host& host = hosts_.emplace_back();
    host.name = name;
    host.label = name.label();
  }
}

Pool::~Pool() { CHECK(closing_.live() == 0 && waiters_.empty() && !sweep_.armed()); }

Task<Pool::Acquired> Pool::acquire() {
  for (;;) {
    if (stopping_) co_return std::unexpected(Trouble{smtp::replies::kShuttingDown, "shutting down"});
    if (auto kept = take_idle()) {
      ++counters_.reused;
      co_return kept;
    }
    bool all_down = false;
    Host* host = choose(all_down);
    if (all_down) co_return std::unexpected(down());
    if (host != nullptr) {
      Acquired opened = co_await open(*host);
      // Another host may do: choose() leaves out the one that failed.
      if (opened) co_return opened;
      continue;
    }
    ++counters_.waited;
    if (!co_await wait_turn()) {
      ++counters_.refused;
      co_return std::unexpected(
          Trouble{smtp::replies::kNextHopTrouble, route_.name + ": all connections are in use"});
    }
  }
}

std::unique_ptr<NextHop> Pool::take_idle() {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[(next_host_ + i) % hosts_.size()];
    while (!host.idle.empty()) {
      auto hop = std::move(host.idle.back());
      host.idle.pop_back();
      if (hop->reusable()) {
        next_host_ = (next_host_ + i + 1) % hosts_.size();
        return hop;
      }
      discard(std::move(hop));
    }
  }
  return nullptr;
}

// The host with the fewest connections among those that may be tried now; null where one has to wait.
Pool::Host* Pool::choose(bool& all_down) {
  all_down = true;
  Host* best = nullptr;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[(next_host_ + i) % hosts_.size()];
    if (host.failures > 0 && host.retry_at > loop_.now()) continue;
    all_down = false;
    if (host.failures > 0 && host.probing) continue;
    if (host.live >= route_.connections_per_host_max) continue;
    if (best == nullptr || host.live < best->live) best = &host;
  }
  return best;
}

Task<Pool::Acquired> Pool::open(Host& host) {
  ++host.live;
  const bool probe = host.failures > 0;
  if (probe) host.probing = true;
  Acquired opened = co_await try_addresses(host);
  if (probe) host.probing = false;
  if (opened) {
    ++counters_.opened;
    host.failures = 0;
    host.last_trouble.clear();
  } else {
    ++counters_.failed;
    --host.live;
    ++host.failures;
    host.retry_at = loop_.now() + back_off(host.failures);
    host.last_trouble = opened.error().detail;
  }
  // Who waited for the outcome of a probe looks again.
  if (probe || !opened) {
    for (Waiter* waiter : waiters_) waiter->gate.open();
    waiters_.clear();
  }
  co_return opened;
}

Task<Pool::Acquired> Pool::try_addresses(Host& host) {
  auto addresses = co_await resolver_.look_up(host.name.name, host.name.port);
  if (!addresses)
    co_return std::unexpected(Trouble{smtp::replies::kNextHopTrouble, std::move(addresses.error())});
  Acquired opened = std::unexpected(Trouble{smtp::replies::kNextHopTrouble, host.label});
  for (const io::Address& address : *addresses) {
    opened = co_await NextHop::open(loop_, {.route = route_,
                                            .label = host.label,
                                            .server_name = host.name.name,
                                            .address = address,
                                            .hostname = hostname_,
                                            .tls = tls_});
    if (opened) break;
  }
  co_return opened;
}

// False when it took too long, or there are too many already.
Task<bool> Pool::wait_turn() {
  if (waiters_.size() >= route_.waiting_max) co_return false;
  Waiter waiter(*this);
  co_await waiter.gate.wait("a connection of the pool");
  co_return !waiter.expired;
}

void Pool::wake_one() {
  if (waiters_.empty()) return;
  Waiter* first = waiters_.front();
  waiters_.pop_front();
  first->gate.open();
}

Trouble Pool::down() const {
  const auto it = std::ranges::max_element(hosts_, {}, &Host::retry_at);
  return {smtp::replies::kNextHopTrouble,
          it == hosts_.end() ? route_.name + ": no hosts" : it->last_trouble};
}

Pool::Host& Pool::host_of(const NextHop& hop) {
  const auto it = std::ranges::find(hosts_, hop.label(), &Host::label);
  CHECK(it != hosts_.end());
  return *it;
}

void Pool::release(std::unique_ptr<NextHop> hop) {
  const bool used_up = route_.messages_per_connection_max != 0 &&
                       hop->messages >= route_.messages_per_connection_max;
  if (stopping_ || used_up || !hop->reusable()) {
    discard(std::move(hop));
    return;
  }
  hop->idle_since = loop_.now();
  host_of(*hop).idle.push_back(std::move(hop));
  arm_sweep();
  wake_one();
}

void Pool::discard(std::unique_ptr<NextHop> hop) {
  --host_of(*hop).live;
  closing_.add(close_and_free(std::move(hop)));
  wake_one();
}

// Connections that were idle for long, or that the next hop has closed, go without anyone asking.
void Pool::on_sweep(void* context) {
  auto& self = *static_cast<Pool*>(context);
  const Instant oldest = self.loop_.now() - self.route_.idle_timeout;
  bool any = false;
  for (Host& host : self.hosts_) {
    std::vector<std::unique_ptr<NextHop>> gone;
    for (auto& hop : host.idle)
      if (hop->idle_since < oldest || !hop->reusable()) gone.push_back(std::move(hop));
    std::erase(host.idle, nullptr);
    for (auto& hop : gone) self.discard(std::move(hop));
    any = any || !host.idle.empty();
  }
  if (any) self.arm_sweep();
}

void Pool::arm_sweep() {
  if (!sweep_.armed() && !stopping_) loop_.timers().arm(sweep_, loop_.now() + kSweepEvery);
}

void Pool::stop() {
  stopping_ = true;
  loop_.timers().disarm(sweep_);
  while (!waiters_.empty()) wake_one();
}

Task<void> Pool::close() {
  stop();
  for (Host& host : hosts_) {
    auto idle = std::move(host.idle);
    host.idle.clear();
    for (auto& hop : idle) discard(std::move(hop));
  }
  co_await closing_.join("connections to close");
}

std::vector<HostStatus> Pool::status() const {
  std::vector<HostStatus> all;
  for (const Host& host : hosts_)
    all.push_back({.label = host.label,
                   .live = host.live,
                   .idle = static_cast<std::uint32_t>(host.idle.size()),
                   .failures = host.failures,
                   .last_trouble = host.last_trouble});
  return all;
}

}  // namespace sluice::relay
