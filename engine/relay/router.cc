#include "engine/relay/router.h"

#include <algorithm>
#include <optional>

namespace sluice::relay {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds(10);
// Pools of MX hosts, for one route: past this, those without a user go at once.
constexpr std::size_t kMxDomainsMax = 4096;

std::vector<hop::PoolHost> hosts_of(const mx::MxHosts& found, std::uint16_t port) {
  std::vector<hop::PoolHost> hosts;
  for (const mx::MxHost& mx_host : found.hosts)
    hosts.push_back({.name = {.name = mx_host.name, .port = port, .preference = mx_host.preference},
                     .addresses = mx_host.addresses});
  return hosts;
}

}  // namespace

Router::Router(const Parts& parts, const route::RouteTable& table, const std::vector<ConfiguredRoute>& routes,
               std::string hostname)
    : parts_(parts), table_(table), hostname_(std::move(hostname)) {
  for (const ConfiguredRoute& each : routes) {
    RouteState& made = *routes_.emplace_back(std::make_unique<RouteState>(each));
    if (each.route.mx) {
      mx::MxRules rules = parts_.rules;
      rules.port = each.route.port;
      if (!each.route.ipv6) rules.use = mx::AddressUse::ipv4_only;
      made.mx_hosts = std::make_unique<mx::MxLookup>(parts_.loop, parts_.dns, parts_.loop.platform().random,
                                                     mx::MxLookupOptions{.rules = std::move(rules)});
    } else if (each.route.maildir.empty()) {
      made.pool = std::make_unique<hop::Pool>(parts_.pool(), each.route, hostname_, each.tls);
    }
  }
}

Router::~Router() { CHECK(leases_ == 0 && closing_.live() == 0 && !sweep_.armed()); }

Destination Router::destination_of(const message::Recipient& recipient, const message::Envelope& envelope,
                                   const message::Submitter& from) const {
  const auto route_at = [this](std::size_t number) -> const route::Route& { return route(number); };
  Destination found = find_destination(table_, route_at, hostname_, recipient, envelope, from);
  // Of a domain that the operator has ordered something about, mail waits apart from that of its route's others.
  const bool apart = parts_.memory.orders().of_domain(found.domain, parts_.loop.now()) != nullptr;
  if (apart && !found.key.contains('/')) (found.key += '/') += found.domain;
  return found;
}

// ------------------------------------------------------------------------------------------ leases

Router::Lease::Lease(Router& router, hop::Pool& pool, MxDomain* exchange)
    : router_(&router), pool_(&pool), exchange_(exchange) {
  ++router.leases_;
  if (exchange != nullptr) ++exchange->leases;
}

Router::Lease::~Lease() {
  if (router_ == nullptr) return;
  --router_->leases_;
  if (exchange_ == nullptr) return;
  --exchange_->leases;
  exchange_->used = router_->parts_.loop.now();
}

Task<std::expected<Router::Lease, RoutingFailure>> Router::lease(const Destination& destination) {
  RouteState& state = *routes_[destination.route];
  CHECK(state.route.maildir.empty());
  if (state.pool != nullptr) co_return Lease(*this, *state.pool, nullptr);
  co_return co_await lease_mx(state, destination);
}

Task<std::expected<Router::Lease, RoutingFailure>> Router::lease_mx(RouteState& state, const Destination& destination) {
  const std::string domain = destination.domain;
  if (const auto known = state.exchanges.find(domain);
      known != state.exchanges.end() && known->second->until > parts_.loop.now())
    co_return Lease(*this, known->second->pool, known->second.get());
  // The caller keeps the router, as a lease does.
  ++leases_;
  auto found = co_await state.mx_hosts->look_up(domain, destination.share);
  --leases_;
  if (!found) {
    const mx::MxFailure& why = found.error();
    co_return std::unexpected(
        RoutingFailure{.permanent = why.permanent,
                       .code = why.code,
                       .enhanced = {static_cast<std::uint8_t>(why.enhanced[0]), why.enhanced[1], why.enhanced[2]},
                       .text = why.text});
  }
  std::unique_ptr<MxDomain>& exchange = state.exchanges[domain];
  std::vector<hop::PoolHost> hosts = hosts_of(*found, state.route.port);
  if (exchange == nullptr) {
    exchange = std::make_unique<MxDomain>(parts_, ConfiguredRoute{state.route, state.tls}, std::move(hosts), hostname_);
    if (stopping_) exchange->pool.stop();
  } else {
    exchange->pool.set_hosts(std::move(hosts));
  }
  exchange->until = found->until;
  exchange->used = parts_.loop.now();
  arm_sweep();
  co_return Lease(*this, exchange->pool, exchange.get());
}

void Router::reset_backoff(std::string_view destination) {
  const std::size_t slash = destination.find('/');
  const std::string_view name = route::route_of_destination(destination);
  const auto state = std::ranges::find_if(routes_, [&](const auto& each) { return each->route.name == name; });
  if (state == routes_.end()) return;
  if ((*state)->pool != nullptr) (*state)->pool->reset_backoff();
  if (slash == std::string_view::npos) return;
  const auto exchange = (*state)->exchanges.find(destination.substr(slash + 1));
  if (exchange != (*state)->exchanges.end()) exchange->second->pool.reset_backoff();
}

// A connection that is open stays in use: it was made when the address was another machine's.
void Router::set_machine_addresses(const mx::MachineAddresses& addresses) {
  for (auto& state : routes_) {
    if (state->mx_hosts != nullptr) state->mx_hosts->set_machine_addresses(addresses);
    for (auto& [domain, exchange] : state->exchanges) exchange->until = parts_.loop.now();
  }
}

// ------------------------------------------------------------------------------------------ pools without a user

void Router::arm_sweep() {
  if (!sweep_.armed() && !stopping_) parts_.loop.timers().arm(sweep_, parts_.loop.now() + kSweepEvery);
}

void Router::on_sweep(void* context) {
  auto& self = *static_cast<Router*>(context);
  bool any = false;
  for (auto& state : self.routes_) {
    const Duration kept = state->exchanges.size() > kMxDomainsMax ? Duration::zero() : state->route.idle_timeout;
    const Instant oldest = self.parts_.loop.now() - kept;
    for (auto at = state->exchanges.begin(); at != state->exchanges.end();) {
      const auto here = at++;
      MxDomain& exchange = *here->second;
      if (exchange.leases > 0 || exchange.used > oldest) continue;
      self.closing_.add(close_mx(std::move(here->second)));
      state->exchanges.erase(here);
    }
    any = any || !state->exchanges.empty();
  }
  if (any) self.arm_sweep();
}

Task<void> Router::close_mx(std::unique_ptr<MxDomain> exchange) { co_await exchange->pool.close(); }

void Router::stop() {
  stopping_ = true;
  parts_.loop.timers().disarm(sweep_);
  for (auto& state : routes_) {
    if (state->pool != nullptr) state->pool->stop();
    for (auto& [domain, exchange] : state->exchanges) exchange->pool.stop();
  }
}

Task<void> Router::close() {
  CHECK(leases_ == 0);
  stop();
  for (auto& state : routes_) {
    if (state->pool != nullptr) co_await state->pool->close();
    for (auto& [domain, exchange] : state->exchanges) closing_.add(close_mx(std::move(exchange)));
    state->exchanges.clear();
  }
  co_await closing_.join("pools to close");
}

// ------------------------------------------------------------------------------------------ status

std::vector<Router::HostRow> Router::hosts() const {
  std::vector<HostRow> rows;
  for (const auto& state : routes_) {
    if (state->pool != nullptr)
      for (hop::HostStatus& host : state->pool->status()) rows.push_back({state->route.name, std::move(host)});
    for (const auto& [domain, exchange] : state->exchanges)
      for (hop::HostStatus& host : exchange->pool.status())
        rows.push_back({state->route.name + "/" + domain, std::move(host)});
  }
  return rows;
}

Router::MxTotals Router::mx_totals() const {
  MxTotals totals;
  for (const auto& state : routes_) {
    if (state->mx_hosts == nullptr) continue;
    totals.look_ups += state->mx_hosts->counters().look_ups;
    totals.from_cache += state->mx_hosts->counters().kept;
    totals.kept += state->mx_hosts->kept();
  }
  return totals;
}

void Router::go_on(HostWalk& walk, std::size_t most) const {
  CHECK(most > 0);
  while (!walk.over) {
    if (!walk.inside) {
      if (walk.rows.size() == routes_.size()) {
        walk.over = true;
        return;
      }
      const RouteState& next = *routes_[walk.rows.size()];
      walk.rows.push_back({.route = next.route.name, .totals = {}});
      walk.domain.clear();
      walk.inside = true;
      if (next.pool != nullptr) {
        next.pool->add_to(walk.rows.back().totals);
        --most;
      }
    }
    const RouteState& state = *routes_[walk.rows.size() - 1];
    auto at = state.exchanges.upper_bound(walk.domain);
    for (; at != state.exchanges.end() && most > 0; ++at, --most) {
      at->second->pool.add_to(walk.rows.back().totals);
      walk.domain = at->first;
    }
    walk.inside = at != state.exchanges.end();
    if (most == 0) return;
  }
}

}  // namespace sluice::relay
