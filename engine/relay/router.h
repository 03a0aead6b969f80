// Where a recipient's copy goes, and the connections that take it there: the routes of one configuration, the pools of
// their hosts, and pools for the MX hosts of domains as they are needed.
// One per core and generation of the configuration; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/fair_queue.h"
#include "engine/hop/pool.h"
#include "engine/message/delivery.h"
#include "engine/message/message_sink.h"
#include "engine/mx/lookup.h"
#include "engine/relay/destination.h"
#include "engine/route/table.h"
#include "engine/signing/signer.h"
#include "engine/tls/client_context.h"

namespace sluice::relay {

class Router {
 public:
  struct Parts {
    io::Loop& loop;
    net::Resolver& resolver;
    io::Dns& dns;
    net::Dialer& dialer;
    hop::ConnectionBudget& budget;
    hop::HostMemory& memory;
    hop::HopCounters& counters;
    signing::Signer* signer = nullptr;  // null: nothing is signed
    mx::MxRules rules;                  // of all routes by MX hosts; port and IPv6 are the route's own
    [[nodiscard]] hop::Pool::Parts pool() const { return {loop, resolver, dialer, budget, memory, counters}; }
  };
  // A route and the context of its connections' TLS, null where it has none.
  struct ConfiguredRoute {
    const route::Route& route;
    tls::TlsClientContext* tls = nullptr;
  };
  // What is referred to outlives the router.
  Router(const Parts& parts, const route::RouteTable& table, const std::vector<ConfiguredRoute>& routes,
         std::string hostname);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  [[nodiscard]] Destination destination_of(const message::Recipient& recipient, const message::Envelope& envelope,
                                           const message::Submitter& from) const;
  [[nodiscard]] const route::Route& route(std::size_t number) const { return routes_[number]->route; }
  // Of what goes by that route; null: it is not signed.  Outlives all leases.
  [[nodiscard]] signing::Signer* signer_for(std::size_t number) const {
    return route(number).sign && route(number).maildir.empty() ? parts_.signer : nullptr;
  }

  // The right to use a destination's pool; it stays as long as that.
  class Lease;
  Task<std::expected<Lease, RoutingFailure>> lease(const Destination& destination);
  // Hosts of a destination (Destination::key) that failed may be tried now.
  void reset_backoff(std::string_view destination);
  // The machine has these addresses from now on: which hosts a domain's mail goes to is chosen anew.
  void set_machine_addresses(const mx::MachineAddresses& addresses);
  // Leases that are out.
  [[nodiscard]] std::size_t leases() const { return leases_; }

  struct HostRow {
    std::string destination;
    hop::HostStatus host;
  };
  [[nodiscard]] std::vector<HostRow> hosts() const;
  // Of all routes by MX hosts together.
  struct MxTotals {
    std::uint64_t look_ups = 0;
    std::uint64_t from_cache = 0;
    std::uint64_t kept = 0;  // entries of the cache
  };
  [[nodiscard]] MxTotals mx_totals() const;
  // Of each route together, in the order of the configuration.
  struct RouteHosts {
    std::string route;
    hop::HostTotals totals;
  };
  // These are found in steps, as a route by MX hosts may have tens of thousands of pools.  What comes and goes between
  // two steps may be missing.
  struct HostWalk {
    std::vector<RouteHosts> rows;  // whole once over
    std::string domain;            // the last one, of the last of `rows`; with `inside`
    bool inside = false;           // of that route some pools are to come
    bool over = false;
  };
  // Goes on, over no more pools than `most`, at least 1.
  void go_on(HostWalk& walk, std::size_t most) const;

  // From now on no caller gets a connection.
  void stop();
  // Once, when no lease is out.
  Task<void> close();

 private:
  struct MxDomain {
    MxDomain(Parts& parts, const ConfiguredRoute& of, std::vector<hop::PoolHost> hosts, const std::string& hostname)
        : pool(parts.pool(), of.route, std::move(hosts), hostname, of.tls) {}
    hop::Pool pool;
    Instant until;
    Instant used;
    std::size_t leases = 0;
  };
  // A route, and what it takes to use it.
  struct RouteState {
    explicit RouteState(const ConfiguredRoute& of) : route(of.route), tls(of.tls) {}
    const route::Route& route;
    tls::TlsClientContext* tls;
    std::unique_ptr<hop::Pool> pool;  // of its hosts; null where MX hosts are asked for
    std::unique_ptr<mx::MxLookup> mx_hosts;
    std::map<std::string, std::unique_ptr<MxDomain>, std::less<>> exchanges;  // by domain
  };
  Task<std::expected<Lease, RoutingFailure>> lease_mx(RouteState& state, const Destination& destination);
  static void on_sweep(void* self);
  void arm_sweep();
  static Task<void> close_mx(std::unique_ptr<MxDomain> exchange);

  Parts parts_;
  const route::RouteTable& table_;
  std::string hostname_;
  std::vector<std::unique_ptr<RouteState>> routes_;
  std::size_t leases_ = 0;
  bool stopping_ = false;
  TaskSet closing_;
  io::Timer sweep_{&on_sweep, this};
};

class Router::Lease {
 public:
  Lease(Lease&& other) noexcept
      : router_(std::exchange(other.router_, nullptr)), pool_(other.pool_), exchange_(other.exchange_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();
  [[nodiscard]] hop::Pool& pool() const { return *pool_; }

 private:
  friend class Router;
  Lease(Router& router, hop::Pool& pool, MxDomain* exchange);
  Router* router_;
  hop::Pool* pool_;
  MxDomain* exchange_;  // null: a route's own pool
};

}  // namespace sluice::relay
