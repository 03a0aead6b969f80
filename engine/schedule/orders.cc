// What the operator has ordered about destinations: no start before a moment, or no more than a limit that all cores
// share.  Both come on top of what a destination is thought to bear.
#include <algorithm>
#include <utility>

#include "engine/schedule/schedule.h"

namespace sluice::schedule {

std::uint32_t Schedule::room(const Destination& destination, Instant now) {
  return std::max(destination.ordered_until, destination.limit_until) > now ? 0 : destination.throttle.room(now);
}

Instant Schedule::room_at(const Destination& destination) {
  return std::max({destination.throttle.room_at(), destination.ordered_until, destination.limit_until});
}

void Schedule::set_orders(DestinationOrders::Snapshot orders, Instant now) {
  orders_ = std::move(orders);
  for (std::uint32_t i = 0; i < destinations_.end(); ++i)
    if (destinations_.live(i)) apply_order(i, now);
}

void Schedule::apply_order(std::uint32_t index, Instant now) {
  Destination& destination = destinations_[index];
  const DestinationOrders::InForce* const order = orders_->of_destination(destinations_.name(index), now);
  const std::shared_ptr<SharedLimit> limit = order == nullptr ? nullptr : order->limit;
  if (limit != destination.limit) {
    if (destination.limit != nullptr) destination.limit->give_back(destination.limited);
    destination.limit = limit;
    // What runs already counts.
    destination.limited = limit == nullptr ? 0 : destination.throttle.running();
    if (limit != nullptr) limit->add(destination.limited);
    destination.limit_until = Instant::min();
  }
  destination.ordered_until = order != nullptr && order->order.suspends() ? order->until : Instant::min();
  refresh(index, now);
}

void Schedule::suspend_until(DestinationId id, Instant until, Instant now) {
  if (!destinations_.live(id.index, id.generation)) return;
  Destination& destination = destinations_[id.index];
  destination.ordered_until = std::max(destination.ordered_until, until);
  refresh(id.index, now);
}

// Where the limit leaves nothing, the destination has no room until it is looked at again.
bool Schedule::take_limit(Destination& destination, Instant now) {
  if (destination.limit == nullptr) return true;
  if (destination.limit->take(now)) {
    ++destination.limited;
    return true;
  }
  destination.limit_until = destination.limit->look_again(now);
  return false;
}

void Schedule::give_limit_back(Destination& destination) {
  if (destination.limited == 0) return;
  --destination.limited;
  destination.limit->give_back(1);
  destination.limit_until = Instant::min();
}

}  // namespace sluice::schedule
