#include "engine/base/destination_orders.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "engine/base/ascii.h"

namespace sluice {
namespace {

// A transmission that ends on another core makes room, of which this one does not hear.
constexpr Duration kLookAgain = std::chrono::milliseconds(100);

constexpr std::string_view kHostPrefix = "host:";

}  // namespace

SharedLimit::SharedLimit(std::uint32_t connections, std::uint32_t per_minute)
    : connections_(connections),
      interval_(per_minute == 0 ? 0 : Duration(std::chrono::minutes(1)).count() / per_minute) {}

bool SharedLimit::take(Instant now) {
  std::uint32_t running = running_;
  do {
    if (connections_ != 0 && running >= connections_) return false;
  } while (!running_.compare_exchange_weak(running, running + 1));
  if (interval_ == 0) return true;
  const std::int64_t at = now.time_since_epoch().count();
  std::int64_t next = next_start_;
  do {
    if (next <= at) continue;
    --running_;
    return false;
  } while (!next_start_.compare_exchange_weak(next, at + interval_));
  return true;
}

Instant SharedLimit::look_again(Instant now) const {
  const std::int64_t next = next_start_;
  return next > now.time_since_epoch().count() ? Instant(Duration(next)) : now + kLookAgain;
}

std::string DestinationOrder::name() const {
  switch (kind) {
    case Kind::destination:
      return subject;
    case Kind::domain:
      return "@" + subject;
    case Kind::host:
      return std::string(kHostPrefix) + subject;
  }
  return subject;
}

DestinationOrders::DestinationOrders(std::vector<InForce> orders) {
  for (InForce& each : orders) {
    std::string name = each.order.name();
    by_name_.insert_or_assign(std::move(name), std::move(each));
  }
}

const DestinationOrders::InForce* DestinationOrders::find(std::string_view name, Instant now) const {
  const auto at = by_name_.find(name);
  return at != by_name_.end() && at->second.until > now ? &at->second : nullptr;
}

const DestinationOrders::InForce* DestinationOrders::of_domain(std::string_view domain, Instant now) const {
  return empty() ? nullptr : find(std::string("@").append(domain), now);
}

const DestinationOrders::InForce* DestinationOrders::of_host(std::string_view name, Instant now) const {
  if (empty()) return nullptr;
  std::string key(kHostPrefix);
  std::ranges::transform(name, std::back_inserter(key), to_lower);
  return find(key, now);
}

const DestinationOrders::InForce* DestinationOrders::of_destination(std::string_view key, Instant now) const {
  if (empty()) return nullptr;
  const std::size_t slash = key.find('/');
  std::array<const InForce*, 3> found{find(key, now), nullptr, nullptr};
  if (slash != std::string_view::npos) {
    found[1] = of_domain(key.substr(slash + 1), now);
    found[2] = find(key.substr(0, slash), now);
  }
  const InForce* best = nullptr;
  for (const InForce* each : found) {
    if (each == nullptr) continue;
    if (each->order.suspends()) return each;
    if (best == nullptr) best = each;
  }
  return best;
}

}  // namespace sluice
