// The part of a queue that has a job's delivery attempt made, or gives the job up, and does what follows from that.
#include <algorithm>
#include <utility>

#include "engine/relay/queue.h"

namespace sluice::relay {

using message::Fate;
using message::RecipientStatus;

namespace {

// What could not be kept is looked at again after this.
constexpr Duration kKeepAgain = std::chrono::minutes(1);

}  // namespace

// `room` is for the record of its outcome, and stays until that is written.
Task<void> Queue::deliver(schedule::JobId job, spool::Promise room) {
  const schedule::JobStatus known = *schedule_.status(job);
  const spool::QueueId id = known.message;
  std::string key(schedule_.status(known.destination)->name);
  const auto message = co_await active_.open(id);
  const Instant now = parts_.loop.now();
  if (!message) {
    if (jobs_.finish(id, job, schedule::Verdict::not_tried, now)) jobs_.end(id, job, now);
    co_return;
  }
  // There is no room in the spool to record what becomes of all its recipients: it waits, as if nothing had been tried.
  if (!parts_.spool.cover(room, (*message)->status().recipients.size())) {
    if (jobs_.finish(id, job, schedule::Verdict::not_tried, now)) jobs_.retry(id, job, now + kTryAgainSoon, now);
    co_return;
  }
  MessageDestination to = recipients_for(**message, std::move(key));
  DeliveryAttempt attempt({.loop = parts_.loop, .spool = parts_.spool, .router = parts_.router(), .stopping = closing_},
                          **message, std::move(to));
  if (!attempt.recipients().empty()) {
    ++counters_.tries;
    if (known.first_attempt) counters_.first_attempt.observe(waited(**message));
    co_await attempt.run();
  }
  co_await conclude(attempt, job);
}

// Whom of the message a job of this destination is for.  The routes may have changed since the job was made: recipients
// that wait for another destination now get a job there.
MessageDestination Queue::recipients_for(ActiveMessage& message, std::string key) {
  const spool::Stored& stored = message.stored();
  const Router& router = parts_.router();
  const auto find = [&](const message::Recipient& recipient) {
    return router.destination_of(recipient, stored.envelope, stored.submitter);
  };
  auto waiting = waiting_destinations(stored.envelope, message.status(), find);
  MessageDestination own;
  if (const auto at = find_key(waiting, key); at != waiting.end()) {
    own = std::move(*at);
    waiting.erase(at);
    sort_by_tries(own.recipients, message.status());
  } else {
    own.destination.key = std::move(key);
  }
  if (waiting.empty()) return own;
  // Names of the schedule are read before it changes.
  std::vector<bool> has_job(waiting.size());
  for (const schedule::JobStatus& job : jobs(message.id()))
    if (const auto at = find_key(waiting, schedule_.status(job.destination)->name); at != waiting.end())
      has_job[static_cast<std::size_t>(at - waiting.begin())] = true;
  for (std::size_t i = 0; i < waiting.size(); ++i)
    if (!has_job[i])
      jobs_.add(message.id(),
                {.customer = stored.submitter.customer,
                 .weight = stored.submitter.weight,
                 .destination = waiting[i].destination.key,
                 .due = parts_.loop.now(),
                 .expires = looked_at_by(stored.arrived),
                 .first_attempt = !waiting[i].tried,
                 .held = message.status().held,
                 .large = stored.envelope.large()},
                parts_.loop.now());
  return own;
}

// Writes down what came of an attempt, and says when its job goes on.
Task<void> Queue::conclude(DeliveryAttempt& attempt, schedule::JobId job) {
  ActiveMessage& message = attempt.message();
  message::DeliveryStatus& status = message.status();
  const schedule::Verdict verdict = attempt.result().verdict;
  const std::optional<WallMillis> next = next_try_after({.recipients = attempt.recipients(),
                                                         .status = status,
                                                         .arrived = message.stored().arrived,
                                                         .verdict = verdict,
                                                         .more_now = attempt.result().more_now},
                                                        options_.curve, options_.expire, wall(),
                                                        [this] { return parts_.loop.platform().random.number(); });
  log_attempt(attempt, job, next);
  if (attempt.result().suspended_until > parts_.loop.now())
    schedule_.suspend_until(schedule_.status(job)->destination, attempt.result().suspended_until, parts_.loop.now());
  if (!next) give_up(message, attempt.to());
  for (const std::uint32_t i : attempt.recipients())
    if (status.recipients[i].fate == Fate::waiting) status.recipients[i].due = *next;
  status.update_due();
  static_cast<void>(jobs_.finish(message.id(), job, verdict, parts_.loop.now()));  // the operator may have removed it
  const std::optional<std::string>& unreadable = attempt.result().unreadable;
  bool kept = !unreadable;
  // Without recipients this try was about DSNs that are due; there may be none, and then the message goes.
  if (kept && (!attempt.recipients().empty() || status.finished())) kept = co_await save(message);
  if (kept && !message.finished) kept = co_await send_dsns(message);
  const Instant now = parts_.loop.now();
  if (unreadable) {
    co_await quarantine(message, *unreadable);
  } else if (next) {
    jobs_.retry(message.id(), job, instant_of(*next), now);
  } else if (!kept && !closing_) {
    // A DSN that is due could not be kept: the message stays until it is.
    jobs_.retry(message.id(), job, now + kKeepAgain, now);
  } else {
    jobs_.end(message.id(), job, now);
  }
  parts_.loop.defer(pump_later_);
}

void Queue::log_attempt(DeliveryAttempt& attempt, schedule::JobId job, std::optional<WallMillis> next_try) {
  if (attempt.recipients().empty()) return;
  const DeliveryAttempt::Result& result = attempt.result();
  for (const RecipientOutcome& each : result.outcomes) {
    const bool taken = each.outcome == DeliveryOutcome::relayed || each.outcome == DeliveryOutcome::delivered;
    counters_.recipients_taken += taken ? 1 : 0;
    if (taken) counters_.delivered.observe(waited(attempt.message()));
    counters_.recipients_failed += each.outcome == DeliveryOutcome::refused ? 1 : 0;
  }
  note_response(schedule_.status(job)->destination, result.response);
  const std::string id = message::queue_id_text(attempt.message().id());
  DeliveryRecord record = record_of(attempt.message(), id);
  record.destination = attempt.to().destination.key;
  record.next_hop = result.next_hop;
  record.next_hop_address = result.next_hop_address;
  record.tls = result.tls;
  record.took = parts_.loop.now() - attempt.began();
  record.next_try = next_try.value_or(0);
  record.attempt = result.attempt;
  observe_deliveries(parts_.observer, record, attempt.message().envelope(), attempt.take_outcomes());
}

// Those who still wait have waited long enough.
void Queue::give_up(ActiveMessage& message, const MessageDestination& to) {
  std::vector<RecipientOutcome> expired;
  for (const std::uint32_t i : to.recipients) {
    RecipientStatus& recipient = message.status().recipients[i];
    if (recipient.fate != Fate::waiting) continue;
    recipient.fate = Fate::expired;
    recipient.at = wall();
    if (recipient.text.empty()) recipient.text = "It could not be delivered in time";
    ++counters_.recipients_expired;
    expired.push_back({.recipient = i,
                       .outcome = DeliveryOutcome::expired,
                       .code = recipient.code,
                       .enhanced = recipient.enhanced,
                       .text = recipient.text});
  }
  const std::string id = message::queue_id_text(message.id());
  DeliveryRecord record = record_of(message, id);
  record.destination = to.destination.key;
  observe_deliveries(parts_.observer, record, message.envelope(), std::move(expired));
}

// A job whose time is over before it came to another try.
Task<void> Queue::expire(schedule::JobId job) {
  struct Count {
    explicit Count(Queue& counted) : queue(counted) { ++queue.expiring_; }
    ~Count() {
      --queue.expiring_;
      queue.parts_.loop.defer(queue.pump_later_);
    }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    Queue& queue;
  };
  const Count count(*this);
  const schedule::JobStatus known = *schedule_.status(job);
  std::string key(schedule_.status(known.destination)->name);
  const auto message = co_await active_.open(known.message);
  if (!message) {
    jobs_.end(known.message, job, parts_.loop.now());
    co_return;
  }
  const auto room = co_await parts_.spool.await_promise((*message)->status().recipients.size());
  if (!room) co_return;
  if (wall() - (*message)->stored().arrived < options_.expire / std::chrono::milliseconds(1)) {
    co_await warn(**message, known, job);
    co_return;
  }
  const MessageDestination to = recipients_for(**message, std::move(key));
  give_up(**message, to);
  (*message)->status().update_due();
  // A DSN that cannot be kept now is due as long as the message is here: another job looks again.
  const bool kept = co_await save(**message) && ((*message)->finished || co_await send_dsns(**message));
  const Instant now = parts_.loop.now();
  if (!kept && !closing_)
    jobs_.add(known.message,
              {.customer = (*message)->stored().submitter.customer,
               .weight = (*message)->stored().submitter.weight,
               .destination = to.destination.key,
               .due = now + kKeepAgain,
               .expires = looked_at_by(wall()),
               .first_attempt = false,
               .large = (*message)->envelope().large()},
              now);
  jobs_.end(known.message, job, now);
}

// A job that is late, and was not tried lately: behind a destination that is dead, one message at a time is.  Its time
// is not over yet.  No DSN is sent of what an operator holds.
Task<void> Queue::warn(ActiveMessage& message, const schedule::JobStatus& known, schedule::JobId job) {
  // What cannot be kept now is looked for once more with the next attempt.
  if (!known.hold) static_cast<void>(co_await send_dsns(message));
  const Instant expires = later(instant_of(message.stored().arrived), options_.expire);
  jobs_.postpone(known.message, job, expires, parts_.loop.now());
}

}  // namespace sluice::relay
