// Which host of a pool a connection is taken to: by preference, by weight, and by what is known of each.
#include <algorithm>
#include <utility>

#include "engine/hop/pool.h"

namespace sluice::hop {
namespace {

std::uint64_t weight_of(const route::NextHopHost& host) { return std::max<std::uint32_t>(host.weight, 1); }

}  // namespace

const DestinationOrders::InForce* Pool::order_about(const Host& host) const {
  return parts_.memory.orders().of_host(host.name.name, parts_.loop.now());
}

const DestinationOrders::InForce* Pool::suspended() const {
  const DestinationOrders::InForce* first = nullptr;
  for (const auto& host : hosts_) {
    if (host->gone) continue;
    const DestinationOrders::InForce* const order = order_about(*host);
    if (order == nullptr) return nullptr;
    if (first == nullptr || order->until < first->until) first = order;
  }
  return first;
}

bool Pool::passed_over(const Host& host, const Want& want) const {
  return host.gone || order_about(host) != nullptr || std::ranges::find(want.but, host.label) != want.but.end();
}

bool Pool::any_but(std::span<const std::string> labels) const {
  return std::ranges::any_of(hosts_, [&](const auto& host) { return !passed_over(*host, {.but = labels}); });
}

// Whether acquire() would not have to wait.
bool Pool::has_room(const Want& want) {
  if (waiting_ == 0 || stopping_) return false;
  const std::uint16_t preference = preference_now(want);
  const bool idle = std::ranges::any_of(hosts_, [&](const auto& host) {
    return !passed_over(*host, want) && host->name.preference == preference && !host->idle.empty();
  });
  return idle || (!parts_.budget.full() && choose(preference, want) != nullptr);
}

// It has failed, and may be tried again.
bool Pool::due(const Host& host) const {
  return !passed_over(host, {}) && host.failures > 0 && !host.probing && host.retry_at <= parts_.loop.now();
}

bool Pool::all_down(const Want& want) const {
  return std::ranges::all_of(hosts_, [&](const auto& host) {
    return passed_over(*host, want) || (host->failures > 0 && !host->probing && host->retry_at > parts_.loop.now());
  });
}

// RFC 5321 5.1: hosts "MUST" be tried in the order of their preference.  A host at its limit is up: callers wait for
// it. One that is being tried is not, as long as there is another.
std::uint16_t Pool::preference_now(const Want& want) const {
  const auto rank = [this](const Host& host) {
    if (host.failures == 0) return 0;
    if (due(host)) return 1;
    return host.probing ? 2 : 3;
  };
  std::pair<int, std::uint16_t> best{3, 0};
  for (const auto& host : hosts_)
    if (!passed_over(*host, want)) best = std::min(best, {rank(*host), host->name.preference});
  return best.second;
}

// Whether it is the turn of a host to which there is no connection at all: or one sender's messages, one after the
// other, would all go to the host that happened to be the first.
bool Pool::unused_before(const Host& kept) const {
  return std::ranges::any_of(hosts_, [&](const auto& host) {
    return !passed_over(*host, {}) && host->name.preference == kept.name.preference && host->live == 0 &&
           host->failures == 0 && host->pass < kept.pass;
  });
}

// The host whose turn it is.
std::unique_ptr<NextHop> Pool::take_idle(std::uint16_t preference, const Want& want) {
  for (;;) {
    Host* best = nullptr;
    for (const auto& host : hosts_) {
      if (passed_over(*host, want) || host->name.preference != preference || host->idle.empty()) continue;
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
Pool::Host* Pool::choose(std::uint16_t preference, const Want& want) {
  Host* best = nullptr;
  const auto before = [](const Host& a, const Host& b) {
    const std::uint64_t left = std::uint64_t{a.live + 1} * weight_of(b.name);
    const std::uint64_t right = std::uint64_t{b.live + 1} * weight_of(a.name);
    return left != right ? left < right : a.pass < b.pass;
  };
  for (const auto& host : hosts_) {
    if (passed_over(*host, want) || host->name.preference != preference) continue;
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
  // A host that was away does not make up for it.
  if (least != UINT64_MAX && host.pass + 2 * kStride < least) host.pass = least;
  host.pass += kStride / weight_of(host.name);
}

// A new connection is wanted where kept ones fill the host up: one of those goes.
void Pool::make_room(std::uint16_t preference) {
  if (choose(preference, {}) != nullptr) return;
  for (const auto& host : hosts_) {
    if (host->gone || host->name.preference != preference || host->idle.empty()) continue;
    auto oldest = std::move(host->idle.front());
    host->idle.erase(host->idle.begin());
    discard(std::move(oldest));
    return;
  }
}

}  // namespace sluice::hop
