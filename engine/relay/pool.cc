#include "engine/relay/pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::relay {
namespace {

constexpr Duration kBackOffFirst = std::chrono::seconds(1);
constexpr Duration kBackOffMax = std::chrono::seconds(60);
constexpr Duration kSweepEvery = std::chrono::seconds(1);

Duration back_off(std::uint32_t failures) {
  const std::uint32_t doublings = std::min(failures - 1, 6U);
  return std::min(kBackOffFirst * (1U << doublings), kBackOffMax);
}

std::uint64_t weight_of(const NextHopHost& host) { return std::max<std::uint32_t>(host.weight, 1); }

std::vector<PoolHost> hosts_of(const Route& route) {
  std::vector<PoolHost> hosts;
  for (const NextHopHost& name : route.hosts) hosts.push_back({.name = name, .addresses = {}});
  return hosts;
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
    : Pool(loop, resolver, route, hosts_of(route), std::move(hostname), tls) {}

Pool::Pool(io::Loop& loop, net::Resolver& resolver, const Route& route, std::vector<PoolHost> hosts,
           std::string hostname, net::TlsClientContext* tls)
    : loop_(loop), resolver_(resolver), route_(route), hostname_(std::move(hostname)), tls_(tls) {
  CHECK(route.tls == RouteTls::none || tls != nullptr);
  set_hosts(std::move(hosts));
}

Pool::~Pool() { CHECK(closing_.live() == 0 && waiters_.empty() && !sweep_.armed()); }

void Pool::set_hosts(std::vector<PoolHost> hosts) {
  for (const auto& host : hosts_) host->gone = true;
  for (PoolHost& given : hosts) {
    const std::string label = given.name.label();
    const auto it = std::ranges::find(hosts_, label, &Host::label);
    Host& host = it != hosts_.end() ? **it : *hosts_.emplace_back(std::make_unique<Host>());
    host.name = std::move(given.name);
    host.label = label;
    host.addresses = std::move(given.addresses);
    host.gone = false;
  }
  std::vector<std::unique_ptr<NextHop>> unwanted;
  for (const auto& host : hosts_) {
    if (!host->gone) continue;
    std::ranges::move(host->idle, std::back_inserter(unwanted));
    host->idle.clear();
  }
  for (auto& hop : unwanted) discard(std::move(hop));
  forget_gone();
  wake_all();
}

void Pool::forgive() {
  for (const auto& host : hosts_) host->retry_at = std::min(host->retry_at, loop_.now());
}

void Pool::forget_gone() {
  std::erase_if(hosts_, [](const auto& host) { return host->gone && host->live == 0; });
}

Task<Pool::Acquired> Pool::acquire(Want want) {
  for (;;) {
    if (stopping_)
      co_return std::unexpected(
          Trouble{.reply = smtp::replies::kShuttingDown, .detail = "shutting down"});
    if (all_down()) co_return std::unexpected(down());
    const std::uint16_t preference = preference_now();
    probe_in_background(preference);
    if (want == Want::fresh) {
      make_room(preference);
    } else if (auto kept = take_idle(preference)) {
      ++counters_.reused;
      co_return kept;
    }
    if (Host* host = choose(preference)) {
      Acquired opened = co_await open(*host);
      // Another host may do: choose() leaves out the one that failed.
      if (opened) co_return opened;
      continue;
    }
    ++counters_.waited;
    if (!co_await wait_turn()) {
      ++counters_.refused;
      co_return std::unexpected(Trouble{.reply = smtp::replies::kNextHopTrouble,
                                        .detail = route_.name + ": all connections are in use"});
    }
  }
}

// ------------------------------------------------------------------------------------------ which host

// It has failed, and may be tried again.
bool Pool::due(const Host& host) const {
  return !host.gone && host.failures > 0 && !host.probing && host.retry_at <= loop_.now();
}

bool Pool::all_down() const {
  return std::ranges::all_of(hosts_, [this](const auto& host) {
    return host->gone || (host->failures > 0 && !host->probing && host->retry_at > loop_.now());
  });
}

// RFC 5321 5.1: hosts "MUST" be tried in the order of their preference.  A host at its limit is up: who wants it waits.
// One that is being tried is not, as long as there is another.
std::uint16_t Pool::preference_now() const {
  const auto rank = [this](const Host& host) {
    if (host.failures == 0) return 0;
    if (due(host)) return 1;
    return host.probing ? 2 : 3;
  };
  std::pair<int, std::uint16_t> best{3, 0};
  for (const auto& host : hosts_)
    if (!host->gone) best = std::min(best, {rank(*host), host->name.preference});
  return best.second;
}

// Whether it is the turn of a host to which there is no connection at all: or one sender's messages, one after the other,
// would all go to the host that happened to be the first.
bool Pool::unused_before(const Host& kept) const {
  return std::ranges::any_of(hosts_, [&](const auto& host) {
    return !host->gone && host->name.preference == kept.name.preference && host->live == 0 && host->failures == 0 &&
           host->pass < kept.pass;
  });
}

// The one whose turn it is.
std::unique_ptr<NextHop> Pool::take_idle(std::uint16_t preference) {
  for (;;) {
    Host* best = nullptr;
    for (const auto& host : hosts_) {
      if (host->gone || host->name.preference != preference || host->idle.empty()) continue;
      if (best == nullptr || host->pass < best->pass) best = host.get();
    }
    if (best == nullptr || unused_before(*best)) return nullptr;
    auto hop = std::move(best->idle.back());
    best->idle.pop_back();
    if (hop->reusable()) {
      count_use(*best);
      return hop;
    }
    discard(std::move(hop));
  }
}

// The host with the fewest connections for its weight among those that may be tried now; null where one has to wait.
Pool::Host* Pool::choose(std::uint16_t preference) {
  Host* best = nullptr;
  const auto before = [](const Host& a, const Host& b) {
    const std::uint64_t left = std::uint64_t{a.live + 1} * weight_of(b.name);
    const std::uint64_t right = std::uint64_t{b.live + 1} * weight_of(a.name);
    return left != right ? left < right : a.pass < b.pass;
  };
  for (const auto& host : hosts_) {
    if (host->gone || host->name.preference != preference) continue;
    if (host->failures > 0 && !due(*host)) continue;
    if (host->live >= route_.connections_per_host_max) continue;
    if (best == nullptr || before(*host, *best)) best = host.get();
  }
  return best;
}

// Stride scheduling (Waldspurger and Weihl, 1995).
void Pool::count_use(Host& host) {
  constexpr std::uint64_t kStride = 1U << 20U;
  std::uint64_t least = UINT64_MAX;
  for (const auto& each : hosts_)
    if (!each->gone && each->failures == 0) least = std::min(least, each->pass);
  // Who was away does not make up for it.
  if (least != UINT64_MAX && host.pass + 2 * kStride < least) host.pass = least;
  host.pass += kStride / weight_of(host.name);
}

// A new connection is wanted where kept ones fill the host up: one of those goes.
void Pool::make_room(std::uint16_t preference) {
  if (choose(preference) != nullptr) return;
  for (const auto& host : hosts_) {
    if (host->gone || host->name.preference != preference || host->idle.empty()) continue;
    auto oldest = std::move(host->idle.front());
    host->idle.erase(host->idle.begin());
    discard(std::move(oldest));
    return;
  }
}

// ------------------------------------------------------------------------------------------ opening

// A host that failed and is due is tried without anyone waiting for it where others do the work.
void Pool::probe_in_background(std::uint16_t preference) {
  const bool others = std::ranges::any_of(
      hosts_, [](const auto& host) { return !host->gone && host->failures == 0; });
  if (!others) return;
  for (const auto& host : hosts_)
    if (host->name.preference <= preference && due(*host)) closing_.add(probe(*host));
}

Task<void> Pool::probe(Host& host) {
  Acquired opened = co_await open(host);
  if (opened) release(*std::move(opened));
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
    count_use(host);
  } else {
    ++counters_.failed;
    --host.live;
    ++host.failures;
    host.retry_at = loop_.now() + back_off(host.failures);
    host.last_trouble = opened.error().detail;
    forget_gone();
  }
  // Who waited for the outcome of a probe looks again.
  if (probe || !opened) wake_all();
  co_return opened;
}

Task<Pool::Acquired> Pool::try_addresses(Host& host) {
  const std::string name = host.name.name;
  std::vector<io::Address> addresses = host.addresses;  // set_hosts() may replace them meanwhile
  if (addresses.empty()) {
    auto found = co_await resolver_.look_up(name, host.name.port);
    if (!found)
      co_return std::unexpected(
          Trouble{.reply = smtp::replies::kNextHopTrouble, .detail = std::move(found.error())});
    addresses = *std::move(found);
  }
  Acquired opened =
      std::unexpected(Trouble{.reply = smtp::replies::kNextHopTrouble, .detail = host.label});
  for (const io::Address& address : addresses) {
    opened = co_await NextHop::open(loop_, {.route = route_,
                                            .label = host.label,
                                            .server_name = name,
                                            .address = address,
                                            .hostname = hostname_,
                                            .tls = tls_});
    if (opened || stopping_) break;
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

void Pool::wake_all() {
  while (!waiters_.empty()) wake_one();
}

Trouble Pool::down() const {
  const auto it = std::ranges::max_element(hosts_, {}, [](const auto& host) { return host->retry_at; });
  return {.reply = smtp::replies::kNextHopTrouble,
          .detail = it == hosts_.end() ? route_.name + ": no hosts" : (*it)->last_trouble,
          .unreachable = true};
}

// ------------------------------------------------------------------------------------------ giving back

Pool::Host& Pool::host_of(const NextHop& hop) {
  const auto it = std::ranges::find(hosts_, hop.label(), &Host::label);
  CHECK(it != hosts_.end());
  return **it;
}

void Pool::release(std::unique_ptr<NextHop> hop) {
  const auto at_limit = [&hop](std::uint32_t max) { return max != 0 && hop->messages >= max; };
  // RFC 9422 4: MAILMAX is for a connection.
  const bool used_up = at_limit(route_.messages_per_connection_max) || at_limit(hop->capabilities().mail_max);
  Host& host = host_of(*hop);
  if (stopping_ || used_up || host.gone || !hop->reusable()) {
    discard(std::move(hop));
    return;
  }
  hop->idle_since = loop_.now();
  hop->kept = true;
  hop->connection().watch();
  host.idle.push_back(std::move(hop));
  arm_sweep();
  wake_one();
}

void Pool::discard(std::unique_ptr<NextHop> hop) {
  --host_of(*hop).live;
  closing_.add(close_and_free(std::move(hop)));
  forget_gone();
  wake_one();
}

// Connections that were idle for long, or that the next hop has closed, go without anyone asking.
void Pool::on_sweep(void* context) {
  auto& self = *static_cast<Pool*>(context);
  const Instant oldest = self.loop_.now() - self.route_.idle_timeout;
  bool any = false;
  std::vector<std::unique_ptr<NextHop>> gone;
  for (const auto& host : self.hosts_) {
    for (auto& hop : host->idle) {
      hop->connection().watch();
      if (hop->idle_since < oldest || !hop->reusable()) gone.push_back(std::move(hop));
    }
    std::erase(host->idle, nullptr);
    any = any || !host->idle.empty();
  }
  for (auto& hop : gone) self.discard(std::move(hop));
  if (any) self.arm_sweep();
}

void Pool::arm_sweep() {
  if (!sweep_.armed() && !stopping_) loop_.timers().arm(sweep_, loop_.now() + kSweepEvery);
}

void Pool::stop() {
  stopping_ = true;
  loop_.timers().disarm(sweep_);
  wake_all();
}

Task<void> Pool::close() {
  stop();
  std::vector<std::unique_ptr<NextHop>> idle;
  for (const auto& host : hosts_) {
    std::ranges::move(host->idle, std::back_inserter(idle));
    host->idle.clear();
  }
  for (auto& hop : idle) discard(std::move(hop));
  co_await closing_.join("connections to close");
}

std::vector<HostStatus> Pool::status() const {
  std::vector<HostStatus> all;
  for (const auto& host : hosts_)
    all.push_back({.label = host->label,
                   .live = host->live,
                   .idle = static_cast<std::uint32_t>(host->idle.size()),
                   .failures = host->failures,
                   .last_trouble = host->last_trouble});
  return all;
}

}  // namespace sluice::relay
