#include "engine/hop/pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/hop/pool_waiter.h"

namespace sluice::hop {
namespace {

constexpr Duration kBackOffFirst = std::chrono::seconds(1);
constexpr Duration kBackOffMax = std::chrono::seconds(60);
// How late a kept connection that its host has closed is closed here: a core with nothing else to do sleeps meanwhile.
constexpr Duration kSweepEvery = std::chrono::seconds(5);

Duration back_off(std::uint32_t failures) {
  const std::uint32_t doublings = std::min(failures - 1, 6U);
  return std::min(kBackOffFirst * (1U << doublings), kBackOffMax);
}

std::vector<PoolHost> hosts_of(const route::Route& route) {
  std::vector<PoolHost> hosts;
  for (const route::NextHopHost& name : route.hosts) hosts.push_back({.name = name, .addresses = {}});
  return hosts;
}

}  // namespace

Pool::Pool(const Parts& parts, const route::Route& route, std::string hostname, tls::TlsClientContext* tls)
    : Pool(parts, route, hosts_of(route), std::move(hostname), tls) {}

Pool::Pool(const Parts& parts, const route::Route& route, std::vector<PoolHost> hosts, std::string hostname,
           tls::TlsClientContext* tls)
    : parts_(parts), route_(route), hostname_(std::move(hostname)), tls_(tls) {
  CHECK(route.tls == route::RouteTls::none || tls != nullptr);
  parts_.budget.add(*this);
  set_hosts(std::move(hosts));
}

Pool::~Pool() {
  CHECK(closing_.live() == 0 && waiting_ == 0 && lent_.empty() && !sweep_.armed() && !look_.armed());
  parts_.budget.remove(*this);
}

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

void Pool::reset_backoff() {
  for (const auto& host : hosts_) host->retry_at = std::min(host->retry_at, parts_.loop.now());
}

void Pool::forget_gone() {
  std::erase_if(hosts_, [](const auto& host) { return host->gone && host->live == 0; });
}

Task<Pool::Acquired> Pool::acquire(Want want) {
  // Callers that wait already come first.
  bool waited = false;
  Waiter caller(*this, share_of(want), want.large);
  for (;;) {
    if (stopping_) co_return std::unexpected(Failure{.reply = smtp::replies::kShuttingDown, .detail = "shutting down"});
    if (const auto* const order = suspended())
      co_return std::unexpected(Failure{.reply = smtp::replies::kNextHopFailure, .detail = order->words});
    if (all_down(want)) co_return std::unexpected(down());
    if (waited || (waiting_ == 0 && called_ == 0)) {
      caller.start();
      Acquired acquired = co_await acquire_now(want, caller);
      if (!acquired && acquired.error().unreachable) continue;  // another host may do: all_down() says whether
      if (!acquired && acquired.error().ours) co_return acquired;
      if (acquired) {
        lend(**acquired, want, caller);
        if (has_room({})) wake_one();
        co_return acquired;
      }
    }
    ++parts_.counters.waited;
    if (!co_await wait_turn(caller, waited)) {
      ++parts_.counters.refused;
      co_return std::unexpected(Failure{.reply = smtp::replies::kNextHopFailure, .detail = why_busy()});
    }
    waited = true;
  }
}

// A connection that can be had without waiting for others to give theirs back.  The error is one of opening it
// (`unreachable`), or that there is none.
Task<Pool::Acquired> Pool::acquire_now(const Want& want, Waiter& caller) {
  const std::uint16_t preference = preference_now(want);
  probe_in_background(preference);
  if (want.fresh) {
    make_room(preference);
  } else if (auto kept = take_idle(preference, want)) {
    ++parts_.counters.reused;
    co_return kept;
  }
  Host* host = choose(preference, want);
  if (host == nullptr || !parts_.budget.take(*this, std::exchange(caller.promised, false)))
    co_return std::unexpected(Failure{});
  Acquired opened = co_await open(*host);
  if (!opened) opened.error().unreachable = !opened.error().ours;
  co_return opened;
}

std::string Pool::why_busy() const {
  if (parts_.budget.used() < parts_.budget.most()) return route_.name + ": all connections are in use";
  return route_.name + ": " + std::to_string(parts_.budget.most()) +
         " outgoing connections are open, which is the most for a core (limits.outgoing_per_core)";
}

// ------------------------------------------------------------------------------------------ opening

// A host that failed and is due is tried without anyone waiting for it where others do the work.
void Pool::probe_in_background(std::uint16_t preference) {
  const bool others = std::ranges::any_of(hosts_, [](const auto& host) { return !host->gone && host->failures == 0; });
  if (!others) return;
  for (const auto& host : hosts_)
    if (host->name.preference <= preference && due(*host) && parts_.budget.take(*this)) closing_.add(probe(*host));
}

Task<void> Pool::probe(Host& host) {
  Acquired opened = co_await open(host);
  if (opened) keep(*std::move(opened));
}

Task<Pool::Acquired> Pool::open(Host& host) {
  ++host.live;
  const bool probe = host.failures > 0;
  if (probe) host.probing = true;
  Acquired opened = co_await try_addresses(host);
  if (probe) host.probing = false;
  if (opened) {
    ++parts_.counters.opened;
    host.failures = 0;
    host.last_error.clear();
    host.last_said = {};
    count_use(host);
  } else {
    ++parts_.counters.failed;
    --host.live;
    parts_.budget.give_back();
    if (!opened.error().ours) {
      ++host.failures;
      host.retry_at = parts_.loop.now() + back_off(host.failures);
      host.last_error = opened.error().detail;
      host.last_said = opened.error().said;
    }
    forget_gone();
  }
  // Waiters for the outcome of a probe look again.
  if (probe || !opened) wake_all();
  co_return opened;
}

Task<Pool::Acquired> Pool::try_addresses(Host& host) {
  const std::string name = host.name.name;
  std::vector<io::Address> addresses = host.addresses;  // set_hosts() may replace them meanwhile
  if (addresses.empty()) {
    auto found = co_await parts_.resolver.look_up(name, host.name.port);
    if (!found)
      co_return std::unexpected(Failure{.reply = smtp::replies::kNextHopFailure, .detail = std::move(found.error())});
    addresses = *std::move(found);
  }
  for (;;) {
    Acquired opened = co_await NextHop::open(parts_.loop, {.route = route_,
                                                           .memory = parts_.memory,
                                                           .counters = parts_.counters,
                                                           .label = host.label,
                                                           .server_name = name,
                                                           .dialer = parts_.dialer,
                                                           .addresses = addresses,
                                                           .hostname = hostname_,
                                                           .tls = tls_});
    if (opened || stopping_ || opened.error().address.empty()) co_return opened;
    if (opened.error().tls_failed && route::may_go_in_clear(route_) &&
        !parts_.memory.lacks(host.label, Lack::tls, parts_.loop.now())) {
      // Once more, in clear: mail that was sent so before there was TLS is not kept for days because of it.
      parts_.memory.note(host.label, Lack::tls, opened.error().detail, parts_.loop.now());
      continue;
    }
    std::erase_if(addresses, [&](const io::Address& address) { return address.ip() == opened.error().address.ip(); });
    if (addresses.empty()) co_return opened;
  }
}

Failure Pool::down() const {
  const auto it = std::ranges::max_element(hosts_, {}, [](const auto& host) { return host->retry_at; });
  if (it == hosts_.end())
    return {.reply = smtp::replies::kNextHopFailure, .detail = route_.name + ": no hosts", .unreachable = true};
  return {.reply = smtp::replies::kNextHopFailure,
          .detail = (*it)->last_error,
          .unreachable = true,
          .said = (*it)->last_said,
          .host = (*it)->label};
}

// ------------------------------------------------------------------------------------------ giving back

Pool::Host& Pool::host_of(const NextHop& hop) {
  const auto it = std::ranges::find(hosts_, hop.label(), &Host::label);
  CHECK(it != hosts_.end());
  return **it;
}

void Pool::release(std::unique_ptr<NextHop> hop) {
  take_back(*hop);
  keep(std::move(hop));
}

// For the next message, if there may be one on it.
void Pool::keep(std::unique_ptr<NextHop> hop) {
  const auto at_limit = [&hop](std::uint32_t max) { return max != 0 && hop->messages >= max; };
  // RFC 9422 4: MAILMAX is for a connection.
  const bool used_up = at_limit(route_.messages_per_connection_max) || at_limit(hop->capabilities().mail_max);
  Host& host = host_of(*hop);
  if (stopping_ || used_up || host.gone || !hop->reusable() || yields_to_other_pools()) {
    discard(std::move(hop));
    return;
  }
  hop->idle_since = parts_.loop.now();
  hop->kept = true;
  hop->connection().watch();
  host.idle.push_back(std::move(hop));
  arm_sweep();
  if (in_line_.empty()) parts_.budget.close_one_for_waiters();
  wake_one();
}

void Pool::note(NextHop& hop, Lack lack, std::string_view why) {
  hop.note(lack, why);
  std::vector<std::unique_ptr<NextHop>> idle = std::exchange(host_of(hop).idle, {});
  for (auto& each : idle) discard(std::move(each));
}

void Pool::discard(std::unique_ptr<NextHop> hop) {
  --host_of(*hop).live;
  closing_.add(close_and_free(std::move(hop), parts_.budget));
  forget_gone();
  wake_one();
}

// Until it is closed it counts.
Task<void> Pool::close_and_free(std::unique_ptr<NextHop> hop, ConnectionBudget& budget) {
  co_await hop->close();
  hop = nullptr;
  budget.give_back();
}

// Connections that are idle longest stand in front.
Instant Pool::idle_since() const {
  Instant since = Instant::max();
  for (const auto& host : hosts_)
    if (!host->idle.empty()) since = std::min(since, host->idle.front()->idle_since);
  return since;
}

void Pool::close_longest_idle() {
  const Instant since = idle_since();
  for (const auto& host : hosts_) {
    if (host->idle.empty() || host->idle.front()->idle_since != since) continue;
    auto longest = std::move(host->idle.front());
    host->idle.erase(host->idle.begin());
    discard(std::move(longest));
    return;
  }
}

// Connections that were idle for long, or that the next hop has closed, go without anyone asking.
void Pool::on_sweep(void* context) {
  auto& self = *static_cast<Pool*>(context);
  const Instant oldest = self.parts_.loop.now() - self.route_.idle_timeout;
  bool any = false;
  std::vector<std::unique_ptr<NextHop>> gone;
  for (const auto& host : self.hosts_) {
    for (auto& hop : host->idle) {
      hop->connection().watch();
      if (hop->idle_since <= oldest || !hop->reusable()) gone.push_back(std::move(hop));
    }
    std::erase(host->idle, nullptr);
    any = any || !host->idle.empty();
  }
  for (auto& hop : gone) self.discard(std::move(hop));
  if (any) self.arm_sweep();
}

void Pool::arm_sweep() {
  if (sweep_.armed() || stopping_) return;
  const Instant look = parts_.loop.now() + kSweepEvery;
  parts_.loop.timers().arm(sweep_, std::min(look, later(idle_since(), route_.idle_timeout)));
}

void Pool::stop() {
  stopping_ = true;
  parts_.loop.timers().disarm(sweep_);
  parts_.loop.timers().disarm(look_);
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
                   .last_error = host->last_error});
  return all;
}

void Pool::add_to(HostTotals& totals) const {
  for (const auto& host : hosts_) {
    ++totals.hosts;
    totals.failing += host->failures > 0 ? 1 : 0;
    totals.live += host->live;
    totals.idle += host->idle.size();
  }
}

}  // namespace sluice::hop
