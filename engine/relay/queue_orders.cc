// The part of a queue that carries out the operator's orders.
#include <utility>

#include "engine/relay/queue.h"

namespace sluice::relay {

std::uint64_t Queue::flush_destination(std::string_view name) {
  const schedule::DestinationId id = schedule_.find_destination(name);
  parts_.router().reset_backoff(name);
  const auto known = schedule_.status(id);
  if (!known || !schedule_.flush(id, parts_.loop.now())) return 0;
  parts_.loop.defer(pump_later_);
  // A message has one job for a destination.
  return known->jobs - known->held;
}

// Now, and not when its destination's failures are long enough ago: the operator knows better.
bool Queue::try_now(schedule::JobId job) {
  const Instant now = parts_.loop.now();
  const auto known = schedule_.status(job);
  if (!known || !schedule_.flush(job, now)) return known && known->state == schedule::JobState::running;
  parts_.router().reset_backoff(schedule_.status(known->destination)->name);
  schedule_.reset_backoff(known->destination, now);
  parts_.loop.defer(pump_later_);
  return true;
}

Task<bool> Queue::order(spool::QueueId id, Order order) {
  if (!jobs_.contains(id)) co_return false;
  parts_.loop.defer(pump_later_);
  if (order == Order::flush) {
    bool any = false;
    for (const schedule::JobId job : jobs_.ids(id)) any = try_now(job) || any;
    co_return any;
  }
  const auto message = co_await active_.open(id);
  if (!message) co_return false;
  const auto room = co_await parts_.spool.await_promise((*message)->status().recipients.size());
  if (!room) co_return false;
  if (order == Order::remove) {
    remove_recipients(**message);
  } else {
    set_held(**message, order == Order::hold);
  }
  const bool saved = co_await save(**message);
  // What failed before is still to be reported, whatever its recipients waited for.
  if (order == Order::remove && saved && !(*message)->finished && !jobs_.contains(id))
    jobs_.add(id,
              {.customer = (*message)->stored().submitter.customer,
               .destination = kDsnDestination,
               .due = parts_.loop.now(),
               .expires = looked_at_by(wall()),
               .first_attempt = false},
              parts_.loop.now());
  // What was released is due by what it was due before, and nothing else may bring about a turn.
  parts_.loop.defer(pump_later_);
  co_return saved;
}

void Queue::set_held(ActiveMessage& message, bool held) {
  message.status().held = held;
  const Instant now = parts_.loop.now();
  if (held) {
    jobs_.hold(message.id(), now);
    return;
  }
  for (const schedule::JobId job : jobs_.ids(message.id()))
    if (schedule_.release(job, now)) try_now(job);
}

void Queue::remove_recipients(ActiveMessage& message) {
  std::vector<RecipientOutcome> removed;
  auto& recipients = message.status().recipients;
  for (std::uint32_t i = 0; i < recipients.size(); ++i) {
    if (recipients[i].fate != message::Fate::waiting) continue;
    recipients[i].fate = message::Fate::removed;
    recipients[i].at = wall();
    removed.push_back({.recipient = i, .outcome = DeliveryOutcome::removed, .text = "by the operator"});
  }
  message.status().update_due();
  jobs_.remove(message.id(), parts_.loop.now());
  const std::string id = message::queue_id_text(message.id());
  observe_deliveries(parts_.observer, record_of(message, id), message.envelope(), std::move(removed));
}

}  // namespace sluice::relay
