// The part of a queue that carries out the operator's orders.
#include <algorithm>
#include <utility>

#include "engine/relay/queue.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

// What a DSN says of a message that the operator has rejected.  There is no reply code: no host was asked.
constexpr std::string_view kRejected = "Rejected by the administrator";

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

Task<bool> Queue::order(spool::QueueId id, Order order, std::string why, Rejection rejection) {
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
  const bool saved = co_await carry_out(**message, order, std::move(why), rejection);
  // What was released is due by what it was due before, and nothing else may bring about a turn.
  parts_.loop.defer(pump_later_);
  co_return saved;
}

Task<bool> Queue::carry_out(ActiveMessage& message, Order order, std::string why, const Rejection& rejection) {
  if (order == Order::reject) co_return co_await reject(message, why, rejection);
  if (order == Order::remove) {
    remove_recipients(message);
    co_return co_await conclude_ended(message);
  }
  set_held(message, order == Order::hold, std::move(why));
  co_return co_await save(message);
}

// What failed before is still to be reported, whatever its recipients waited for; and that it was rejected.
Task<bool> Queue::conclude_ended(ActiveMessage& message) {
  if (!co_await save(message)) co_return false;
  if (message.finished) co_return true;
  bool waits = false;
  for (const schedule::JobStatus& job : jobs(message.id()))
    waits = waits || schedule_.status(job.destination)->name == kDsnDestination;
  const bool due = dsns_.due(message).any();
  if (!waits && (due || !jobs_.contains(message.id())))
    jobs_.add(message.id(),
              {.customer = message.stored().submitter.customer,
               .weight = message.stored().submitter.weight,
               .destination = kDsnDestination,
               .due = parts_.loop.now(),
               .expires = looked_at_by(wall()),
               .first_attempt = false},
              parts_.loop.now());
  co_return true;
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

// All who still wait; nobody is told.
void Queue::remove_recipients(ActiveMessage& message) {
  std::vector<RecipientOutcome> removed;
  auto& recipients = message.status().recipients;
  for (std::uint32_t i = 0; i < recipients.size(); ++i) {
    message::RecipientStatus& each = recipients[i];
    if (each.fate != message::Fate::waiting) continue;
    each.fate = message::Fate::removed;
    each.at = wall();
    removed.push_back({.recipient = i, .outcome = DeliveryOutcome::removed, .text = "by the operator"});
  }
  message.status().held = false;
  message.status().hold_reason.clear();
  message.status().update_due();
  jobs_.remove(message.id(), parts_.loop.now());
  const std::string id = message::queue_id_text(message.id());
  DeliveryRecord record = record_of(message, id);
  record.by_operator = true;
  observe_deliveries(parts_.observer, record, message.envelope(), std::move(removed));
}

// Those who still wait, of all destinations or of one; the sender is told.
Task<bool> Queue::reject(ActiveMessage& message, const std::string& why, const Rejection& rejection) {
  const std::string& only = rejection.destination;
  std::vector<schedule::JobId> ended_jobs;
  for (const schedule::JobStatus& job : jobs(message.id())) {
    if (!only.empty() && schedule_.status(job.destination)->name != only) continue;
    // A delivery attempt writes down what becomes of its recipients, whatever they were when it began.
    if (job.state == schedule::JobState::running || job.state == schedule::JobState::tried) co_return false;
    ended_jobs.push_back(job.id);
  }
  message::DeliveryStatus& status = message.status();
  const Router& router = parts_.router();
  const auto find = [&](const message::Recipient& recipient) {
    return router.destination_of(recipient, message.envelope(), message.stored().submitter);
  };
  std::vector<RecipientOutcome> rejected;
  for (const MessageDestination& to : waiting_destinations(message.envelope(), status, find)) {
    if (!only.empty() && to.destination.key != only) continue;
    for (const std::uint32_t i : to.recipients) {
      message::RecipientStatus& each = status.recipients[i];
      each.fate = message::Fate::failed;
      each.at = wall();
      each.code = 0;
      each.enhanced = rejection.status;
      each.text = bounded_words(why.empty() ? std::string(kRejected) : std::string(kRejected) + ": " + why);
      // No host has said it.
      each.next_hop.clear();
      rejected.push_back(
          {.recipient = i, .outcome = DeliveryOutcome::refused, .enhanced = each.enhanced, .text = each.text});
    }
  }
  if (rejected.empty()) co_return false;
  if (status.finished()) {
    status.held = false;
    status.hold_reason.clear();
  }
  status.update_due();
  for (const schedule::JobId job : ended_jobs) jobs_.end(message.id(), job, parts_.loop.now());
  const std::string id = message::queue_id_text(message.id());
  DeliveryRecord record = record_of(message, id);
  record.destination = only;
  record.by_operator = true;
  observe_deliveries(parts_.observer, record, message.envelope(), std::move(rejected));
  co_return co_await conclude_ended(message);
}

}  // namespace sluice::relay
