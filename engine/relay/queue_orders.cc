// The part of a queue that carries out the operator's orders.
#include <algorithm>
#include <utility>

#include "engine/relay/queue.h"

namespace sluice::relay {
namespace {

// What a DSN says of a message that the operator has rejected (RFC 3463 X.7.1).  There is no reply code: no host was
// asked.
constexpr smtp::EnhancedCode kRejectedStatus{5, 7, 1};

}  // namespace

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

Task<bool> Queue::order(spool::QueueId id, Order order, std::string why) {
  if (!jobs_.contains(id)) co_return false;
  parts_.loop.defer(pump_later_);
  if (order == Order::flush) {
    bool any = false;
    for (const schedule::JobId job : jobs_.ids(id)) any = try_now(job) || any;
    co_return any;
  }
  // At once: no attempt begins while the message is read.
  if (order == Order::hold) jobs_.hold(id, parts_.loop.now());
  const auto message = co_await active_.open(id);
  if (!message) co_return false;
  const auto room = co_await parts_.spool.await_promise((*message)->status().recipients.size());
  if (!room) co_return false;
  const bool saved = co_await carry_out(**message, order, std::move(why));
  // What was released is due by what it was due before, and nothing else may bring about a turn.
  parts_.loop.defer(pump_later_);
  co_return saved;
}

Task<bool> Queue::carry_out(ActiveMessage& message, Order order, std::string why) {
  const bool ends = order == Order::remove || order == Order::reject;
  // A delivery attempt writes down what becomes of its recipients, whatever they were when it began.
  const auto is_tried = [](const schedule::JobStatus& job) {
    return job.state == schedule::JobState::running || job.state == schedule::JobState::tried;
  };
  if (order == Order::reject && std::ranges::any_of(jobs_.jobs(message.id()), is_tried)) co_return false;
  if (ends) {
    end_recipients(message, order, why);
  } else {
    set_held(message, order == Order::hold, std::move(why));
  }
  const bool saved = co_await save(message);
  // What failed before is still to be reported, whatever its recipients waited for; and that it was rejected.
  if (ends && saved && !message.finished && !jobs_.contains(message.id()))
    jobs_.add(message.id(),
              {.customer = message.stored().submitter.customer,
               .weight = message.stored().submitter.weight,
               .destination = kDsnDestination,
               .due = parts_.loop.now(),
               .expires = looked_at_by(wall()),
               .first_attempt = false},
              parts_.loop.now());
  co_return saved;
}

// Held a second time it keeps its first reason: that is why it waits.
void Queue::set_held(ActiveMessage& message, bool held, std::string why) {
  message::DeliveryStatus& status = message.status();
  if (!held) {
    status.hold_reason.clear();
  } else if (!status.held || status.hold_reason.empty()) {
    status.hold_reason = std::move(why);
  }
  status.held = held;
  const Instant now = parts_.loop.now();
  if (held) {
    jobs_.hold(message.id(), now);
    return;
  }
  for (const schedule::JobId job : jobs_.ids(message.id()))
    if (schedule_.release(job, now)) try_now(job);
}

// For all who still wait: removed, of which nobody is told, or rejected, of which the sender is.
void Queue::end_recipients(ActiveMessage& message, Order order, const std::string& why) {
  const bool rejects = order == Order::reject;
  std::vector<RecipientOutcome> ended;
  auto& recipients = message.status().recipients;
  for (std::uint32_t i = 0; i < recipients.size(); ++i) {
    message::RecipientStatus& each = recipients[i];
    if (each.fate != message::Fate::waiting) continue;
    each.fate = rejects ? message::Fate::failed : message::Fate::removed;
    each.at = wall();
    if (rejects) {
      each.code = 0;
      each.enhanced = kRejectedStatus;
      each.text = why.empty() ? "Rejected by the administrator" : "Rejected by the administrator: " + why;
      each.text.resize(std::min(each.text.size(), message::kWordsBytesMax));
      // No host has said it.
      each.next_hop.clear();
    }
    ended.push_back({.recipient = i,
                     .outcome = rejects ? DeliveryOutcome::refused : DeliveryOutcome::removed,
                     .enhanced = rejects ? each.enhanced : smtp::EnhancedCode{},
                     .text = rejects ? each.text : "by the operator"});
  }
  message.status().held = false;
  message.status().hold_reason.clear();
  message.status().update_due();
  jobs_.remove(message.id(), parts_.loop.now());
  const std::string id = message::queue_id_text(message.id());
  observe_deliveries(parts_.observer, record_of(message, id), message.envelope(), std::move(ended));
}

}  // namespace sluice::relay
