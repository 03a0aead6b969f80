// What a test of a route asks of a pool: its hosts, and a connection of its own.
#include <algorithm>
#include <utility>

#include "engine/hop/pool.h"

namespace sluice::hop {

std::vector<PoolHost> Pool::hosts() const {
  std::vector<PoolHost> all;
  for (const auto& host : hosts_)
    if (!host->gone) all.push_back({.name = host->name, .addresses = host->addresses});
  std::ranges::sort(all, {}, [](const PoolHost& host) { return std::pair(host.name.preference, host.name.label()); });
  return all;
}

Task<net::Resolver::Found> Pool::addresses_of(PoolHost host) {
  if (!host.addresses.empty()) co_return std::move(host.addresses);
  co_return co_await parts_.resolver.look_up(host.name.name, host.name.port);
}

Task<Pool::Acquired> Pool::open_apart(PoolHost host, std::vector<io::Address> addresses, const route::Route& route,
                                      Transcript& transcript) {
  const std::string label = host.name.label();
  co_return co_await NextHop::open(parts_.loop, {.route = route,
                                                 .memory = parts_.memory,
                                                 .counters = parts_.counters,
                                                 .label = label,
                                                 .server_name = host.name.name,
                                                 .dialer = parts_.dialer,
                                                 .addresses = std::move(addresses),
                                                 .hostname = hostname_,
                                                 .tls = tls_,
                                                 .transcript = &transcript});
}

}  // namespace sluice::hop
