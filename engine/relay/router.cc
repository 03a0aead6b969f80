#include "engine/relay/router.h"

#include <algorithm>
#include <optional>

#include "engine/base/domain_name.h"

namespace sluice::relay {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds(10);
// Pools of MX hosts, for one route: past this, those that nobody uses go at once.
constexpr std::size_t kMxDomainsMax = 4096;

std::vector<hop::PoolHost> hosts_of(const mx::MxHosts& found, std::uint16_t port) {
  std::vector<hop::PoolHost> hosts;
  for (const mx::MxHost& mx_host : found.hosts)
    hosts.push_back({.name = {.name = mx_host.name, .port = port, .preference = mx_host.preference},
                     .addresses = mx_host.addresses});
  return hosts;
}

void add(hop::PoolCounters& sum, const hop::PoolCounters& one) {
  sum.opened += one.opened;
  sum.reused += one.reused;
  sum.failed += one.failed;
  sum.waited += one.waited;
  sum.refused += one.refused;
  sum.given_way += one.given_way;
}

}  // namespace

smtp::Reply NoWay::reply() const { return smtp::Reply::relayed(code, enhanced, text); }

Router::Router(const Parts& parts, const route::RouteTable& table, const std::vector<Way>& ways, std::string hostname)
    : parts_(parts), table_(table), hostname_(std::move(hostname)) {
  for (const Way& way : ways) {
    RouteWay& made = *ways_.emplace_back(std::make_unique<RouteWay>(way));
    if (way.route.mx) {
      mx::MxRules rules = parts_.rules;
      rules.port = way.route.port;
      if (!way.route.ipv6) rules.use = mx::AddressUse::ipv4_only;
      made.mx_hosts = std::make_unique<mx::MxLookup>(parts_.loop, parts_.dns, parts_.loop.platform().random,
                                                     mx::MxLookupOptions{.rules = std::move(rules)});
    } else if (way.route.maildir.empty()) {
      made.pool = std::make_unique<hop::Pool>(parts_.pool(), way.route, hostname_, way.tls);
    }
  }
}

Router::~Router() { CHECK(leases_ == 0 && closing_.live() == 0 && !sweep_.armed()); }

Bound bind_recipient(const route::RouteTable& table, const std::function<const route::Route&(std::size_t)>& route,
                     std::string_view hostname, const message::Recipient& recipient, const message::Envelope& envelope,
                     const message::Submitter& from) {
  const std::string_view domain = route::domain_of(recipient.forward_path);
  Bound bound;
  bound.route = table.find({.recipient_domain = domain,
                            .sender_domain = route::domain_of(envelope.reverse_path),
                            .customer = from.customer,
                            .null_sender = envelope.reverse_path.empty(),
                            .own_dsn = message::is_own_dsn(envelope, from)});
  // As DNS knows it: all spellings are one destination, with one pool.  What is no domain is for DNS to refuse.
  bound.domain = domain_key(domain.empty() ? hostname : domain);
  bound.share = share_number(message::share_name(from));
  bound.key = table.destination_key(route(bound.route), bound.domain);
  return bound;
}

Bound Router::bind(const message::Recipient& recipient, const message::Envelope& envelope,
                   const message::Submitter& from) const {
  const auto route_at = [this](std::size_t number) -> const route::Route& { return route(number); };
  return bind_recipient(table_, route_at, hostname_, recipient, envelope, from);
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

Task<std::expected<Router::Lease, NoWay>> Router::lease(const Bound& bound) {
  RouteWay& way = *ways_[bound.route];
  CHECK(way.route.maildir.empty());
  if (way.pool != nullptr) co_return Lease(*this, *way.pool, nullptr);
  co_return co_await lease_mx(way, bound);
}

Task<std::expected<Router::Lease, NoWay>> Router::lease_mx(RouteWay& way, const Bound& bound) {
  const std::string domain = bound.domain;
  if (const auto known = way.exchanges.find(domain);
      known != way.exchanges.end() && known->second->until > parts_.loop.now())
    co_return Lease(*this, known->second->pool, known->second.get());
  // Whoever asks keeps the router, as a lease does.
  ++leases_;
  auto found = co_await way.mx_hosts->look_up(domain, bound.share);
  --leases_;
  if (!found) {
    const mx::MxFailure& why = found.error();
    co_return std::unexpected(
        NoWay{.permanent = why.permanent,
              .code = why.code,
              .enhanced = {static_cast<std::uint8_t>(why.enhanced[0]), why.enhanced[1], why.enhanced[2]},
              .text = why.text});
  }
  std::unique_ptr<MxDomain>& exchange = way.exchanges[domain];
  std::vector<hop::PoolHost> hosts = hosts_of(*found, way.route.port);
  if (exchange == nullptr) {
    exchange = std::make_unique<MxDomain>(parts_, Way{way.route, way.tls}, std::move(hosts), hostname_);
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
  const auto way = std::ranges::find_if(ways_, [&](const auto& each) { return each->route.name == name; });
  if (way == ways_.end()) return;
  if ((*way)->pool != nullptr) (*way)->pool->reset_backoff();
  if (slash == std::string_view::npos) return;
  const auto exchange = (*way)->exchanges.find(destination.substr(slash + 1));
  if (exchange != (*way)->exchanges.end()) exchange->second->pool.reset_backoff();
}

// A connection that is open stays in use: it was made when the address was another machine's.
void Router::set_machine_addresses(const mx::MachineAddresses& addresses) {
  for (auto& way : ways_) {
    if (way->mx_hosts != nullptr) way->mx_hosts->set_machine_addresses(addresses);
    for (auto& [domain, exchange] : way->exchanges) exchange->until = parts_.loop.now();
  }
}

// ------------------------------------------------------------------------------------------ pools that nobody uses

void Router::arm_sweep() {
  if (!sweep_.armed() && !stopping_) parts_.loop.timers().arm(sweep_, parts_.loop.now() + kSweepEvery);
}

void Router::on_sweep(void* context) {
  auto& self = *static_cast<Router*>(context);
  bool any = false;
  for (auto& way : self.ways_) {
    const Duration kept = way->exchanges.size() > kMxDomainsMax ? Duration::zero() : way->route.idle_timeout;
    const Instant oldest = self.parts_.loop.now() - kept;
    for (auto at = way->exchanges.begin(); at != way->exchanges.end();) {
      const auto here = at++;
      MxDomain& exchange = *here->second;
      if (exchange.leases > 0 || exchange.used > oldest) continue;
      add(self.closed_, exchange.pool.counters());
      self.closing_.add(close_mx(std::move(here->second)));
      way->exchanges.erase(here);
    }
    any = any || !way->exchanges.empty();
  }
  if (any) self.arm_sweep();
}

Task<void> Router::close_mx(std::unique_ptr<MxDomain> exchange) { co_await exchange->pool.close(); }

void Router::stop() {
  stopping_ = true;
  parts_.loop.timers().disarm(sweep_);
  for (auto& way : ways_) {
    if (way->pool != nullptr) way->pool->stop();
    for (auto& [domain, exchange] : way->exchanges) exchange->pool.stop();
  }
}

Task<void> Router::close() {
  CHECK(leases_ == 0);
  stop();
  for (auto& way : ways_) {
    if (way->pool != nullptr) co_await way->pool->close();
    for (auto& [domain, exchange] : way->exchanges) closing_.add(close_mx(std::move(exchange)));
    way->exchanges.clear();
  }
  co_await closing_.join("pools to close");
}

// ------------------------------------------------------------------------------------------ status

std::vector<Router::HostRow> Router::hosts() const {
  std::vector<HostRow> rows;
  for (const auto& way : ways_) {
    if (way->pool != nullptr)
      for (hop::HostStatus& host : way->pool->status()) rows.push_back({way->route.name, std::move(host)});
    for (const auto& [domain, exchange] : way->exchanges)
      for (hop::HostStatus& host : exchange->pool.status())
        rows.push_back({way->route.name + "/" + domain, std::move(host)});
  }
  return rows;
}

hop::PoolCounters Router::counters() const {
  hop::PoolCounters sum = closed_;
  for (const auto& way : ways_) {
    if (way->pool != nullptr) add(sum, way->pool->counters());
    for (const auto& [domain, exchange] : way->exchanges) add(sum, exchange->pool.counters());
  }
  return sum;
}

std::size_t Router::waiting() const {
  std::size_t sum = 0;
  for (const auto& way : ways_) {
    if (way->pool != nullptr) sum += way->pool->waiting();
    for (const auto& [domain, exchange] : way->exchanges) sum += exchange->pool.waiting();
  }
  return sum;
}

}  // namespace sluice::relay
