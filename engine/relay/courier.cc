// The part of a queue that makes one try: one message, for one destination.
#include <algorithm>
#include <map>

#include "engine/relay/queue_active.h"
#include "engine/relay/transmission.h"

namespace sluice::relay {
namespace {

using message::Fate;
using message::RecipientStatus;

// The next hop had no connection to give; that is about us, so the wait is short and it counts as no try.
constexpr Duration kTryAgainSoon = std::chrono::seconds(5);

}  // namespace

// `room` is for the record of its outcome, and stays until that is written.
Task<void> Queue::deliver(schedule::JobId job, spool::Promise room) {
  const schedule::JobStatus known = *schedule_.status(job);
  const spool::QueueId id = known.message;
  const std::string key(schedule_.status(known.destination)->name);
  const std::shared_ptr<Active> active = co_await open(id);
  if (active == nullptr) {
    if (schedule_.finished(job, schedule::Verdict::not_tried, parts_.loop.now())) end_job(id, job);
    forget_job(id, job);
    co_return;
  }
  if (!parts_.spool.cover(room, active->status().recipients.size())) {
    put_off(*active, job);
    if (active.use_count() <= 2) active_.erase(id);
    co_return;
  }
  Course course(*active, job, parts_.loop.now());
  bind_course(course, key);
  const schedule::Verdict verdict = course.recipients.empty() ? schedule::Verdict::not_tried : co_await attempt(course);
  co_await conclude(course, verdict);
  if (active.use_count() <= 2) active_.erase(id);
}

// There is no room in the spool to record what becomes of all its recipients: it waits, as if nothing had been tried.
void Queue::put_off(const Active& active, schedule::JobId job) {
  const Instant now = parts_.loop.now();
  if (schedule_.finished(job, schedule::Verdict::not_tried, now)) {
    put_back(active.id, job, now + kTryAgainSoon);
  } else {
    forget_job(active.id, job);
  }
}

// Finds who waits and is bound for this destination.  The routes may have changed since the job was made: whoever is
// bound for elsewhere now gets a job there.
void Queue::bind_course(Course& course, const std::string& key) {
  const spool::Stored& stored = course.active.message->stored;
  const message::DeliveryStatus& status = course.active.status();
  const Router& router = parts_.router();
  struct Elsewhere {
    bool tried = false;
    bool has_job = false;
  };
  std::map<std::string, Elsewhere> elsewhere;
  for (std::uint32_t i = 0; i < stored.envelope.recipients.size(); ++i) {
    if (status.recipients[i].fate != Fate::waiting) continue;
    Bound bound = router.bind(stored.envelope.recipients[i], stored.envelope, stored.submitter);
    if (bound.key == key) {
      course.recipients.push_back(i);
      course.bound = std::move(bound);
    } else {
      Elsewhere& place = elsewhere[bound.key];
      place.tried = place.tried || status.recipients[i].tries > 0;
    }
  }
  // Where a next hop takes few at a time, those whom it was not asked about come first.
  std::ranges::sort(course.recipients, {}, [&](std::uint32_t i) { return std::pair(status.recipients[i].tries, i); });
  for (const schedule::JobStatus& job : jobs(course.active.id)) {
    const auto at = elsewhere.find(std::string(schedule_.status(job.destination)->name));
    if (at != elsewhere.end()) at->second.has_job = true;
  }
  for (const auto& [name, place] : elsewhere)
    if (!place.has_job)
      add_job(course.active.id, {.customer = stored.submitter.customer,
                                 .destination = name,
                                 .due = parts_.loop.now(),
                                 .arrived = stored.arrived,
                                 .first = !place.tried,
                                 .held = status.held});
}

Task<schedule::Verdict> Queue::attempt(Course& course) {
  ++counters_.tries;
  Router& router = parts_.router();
  if (const std::string& maildir = router.route(course.bound.route).maildir; !maildir.empty())
    co_return co_await put_into_mailbox(course, maildir);
  auto lease = co_await router.lease(course.bound);
  if (lease) co_return co_await transmit(course, lease->pool());
  const NoWay& why = lease.error();
  course.response = response_text(why.code, why.enhanced, why.text);
  if (closing_) co_return not_attempted(course);
  const WallMillis now = parts_.loop.platform().clock.wall();
  for (const std::uint32_t i : course.recipients) {
    RecipientStatus& recipient = course.active.status().recipients[i];
    recipient.fate = why.permanent ? Fate::failed : Fate::waiting;
    recipient.code = why.code;
    recipient.enhanced = why.enhanced;
    recipient.text = why.text;
    recipient.next_hop.clear();
    recipient.at = now;
    ++recipient.tries;
    course.outcomes.push_back({.recipient = i,
                               .outcome = why.permanent ? DeliveryOutcome::refused : DeliveryOutcome::deferred,
                               .code = why.code,
                               .enhanced = why.enhanced,
                               .text = why.text});
  }
  const auto count = static_cast<std::uint16_t>(course.recipients.size());
  course.active.status().add(
      {.at = now, .next_hop = {}, .tls = {}, .recipients = count, .taken = 0, .code = why.code, .text = why.text});
  co_return why.permanent ? schedule::Verdict::refused : schedule::Verdict::unreachable;
}

// Nothing was said to a next hop about any of them, for reasons of our own: an attempt that was none.
schedule::Verdict Queue::not_attempted(Course& course) {
  for (const std::uint32_t i : course.recipients)
    course.outcomes.push_back({.recipient = i, .outcome = DeliveryOutcome::not_attempted, .text = course.response});
  return schedule::Verdict::not_tried;
}

Task<schedule::Verdict> Queue::transmit(Course& course, hop::Pool& pool) {
  Active& active = course.active;
  const spool::Stored& stored = active.message->stored;
  Transmission transmission(pool, {.envelope = stored.envelope,
                                   .recipients = course.recipients,
                                   .content_bytes = stored.content_bytes,
                                   .who = xclient_values(stored.submitter),
                                   .customer = message::share_name(stored.submitter)});
  co_await transmission.begin(stored.form);
  for (const spool::Location& piece : stored.pieces) {
    auto bytes = co_await parts_.spool.read_piece(active.id, piece);
    if (!bytes) {
      co_await transmission.abandon();
      course.unreadable = std::move(bytes.error());
      co_return schedule::Verdict::not_tried;
    }
    Chain content;
    content.append(*std::move(bytes));
    co_await transmission.feed(std::move(content));
  }
  Chain content;
  content.append(active.message->content);
  co_await transmission.feed(std::move(content));
  co_await transmission.finish();
  const schedule::Verdict verdict = verdict_of(transmission);
  course.next_hop = transmission.next_hop();
  course.next_hop_address = transmission.next_hop_address();
  course.tls = transmission.tls();
  course.response = transmission.detail();
  if (verdict == schedule::Verdict::not_tried) co_return not_attempted(course);
  const WallMillis now = parts_.loop.platform().clock.wall();
  apply_results(transmission, now, active.status());
  active.status().add(attempt_of(transmission, now));
  course.outcomes = outcomes_of(transmission);
  course.at_once = takes_more_now(course, transmission, verdict);
  co_return verdict;
}

// RFC 5321 4.5.3.1.10: "452 Too many recipients": the rest in another transaction, now; and those whom a next hop with
// a limit was not asked about, until all were asked equally often.
bool Queue::takes_more_now(const Course& course, const Transmission& transmission, schedule::Verdict verdict) {
  const auto& recipients = course.active.status().recipients;
  std::uint32_t tries = 0;
  for (const std::uint32_t i : course.recipients) tries = std::max(tries, recipients[i].tries);
  for (std::size_t i = 0; i < transmission.results().size(); ++i) {
    const RecipientResult& result = transmission.results()[i];
    const bool unasked = result.kind == RecipientResult::Kind::unasked;
    if (unasked && recipients[transmission.recipients()[i]].tries < tries) return true;
    if (result.code == 452 && verdict == schedule::Verdict::delivered) return true;
  }
  return false;
}

// When it is tried again, 0 if no time is left for that, or nobody waits.
WallMillis Queue::next_try(const Course& course, schedule::Verdict verdict) {
  const auto& recipients = course.active.status().recipients;
  const bool any =
      std::ranges::any_of(course.recipients, [&](std::uint32_t i) { return recipients[i].fate == Fate::waiting; });
  if (!any) return 0;
  const WallMillis now = parts_.loop.platform().clock.wall();
  if (course.at_once) return now;
  const Duration for_tries = options_.expire - schedule::last_try_before(options_.expire);
  const WallMillis last = course.active.message->stored.arrived + for_tries / std::chrono::milliseconds(1);
  if (verdict == schedule::Verdict::not_tried) return now + kTryAgainSoon / std::chrono::milliseconds(1);
  // A destination walks the curve by its own attempts: a message may have as many destinations as recipients.
  std::uint32_t tries = 1;
  for (const std::uint32_t i : course.recipients) tries = std::max(tries, recipients[i].tries);
  const auto wait = options_.curve.wait_within(std::chrono::milliseconds(std::max<WallMillis>(last - now, 0)), tries,
                                               parts_.loop.platform().random.number());
  return wait ? now + *wait / std::chrono::milliseconds(1) : 0;
}

// Writes down what came of it, and says when it goes on.
Task<void> Queue::conclude(Course& course, schedule::Verdict verdict) {
  Active& active = course.active;
  message::DeliveryStatus& status = active.status();
  const WallMillis next = next_try(course, verdict);
  observe(course, next);
  if (next == 0) give_up(course);
  for (const std::uint32_t i : course.recipients)
    if (status.recipients[i].fate == Fate::waiting) status.recipients[i].due = next;
  status.update_due();
  const Instant now = parts_.loop.now();
  if (!schedule_.finished(course.job, verdict, now)) forget_job(active.id, course.job);  // the operator removed it
  bool kept = course.unreadable.empty();
  // Without recipients this try was about what is to be reported; there may be nothing, and then the message goes.
  if (kept && (!course.recipients.empty() || status.finished())) kept = co_await save(active);
  if (kept && !active.finished) kept = co_await report(active);
  if (!course.unreadable.empty()) {
    co_await set_aside(active, course.unreadable);
  } else if (next != 0) {
    put_back(active.id, course.job, instant_of(next));
  } else if (!kept && !closing_) {
    // What is to be reported could not be kept: the message stays until it is.
    put_back(active.id, course.job, parts_.loop.now() + std::chrono::minutes(1));
  } else {
    end_job(active.id, course.job);
  }
  parts_.loop.defer(pump_later_);
}

void Queue::observe(Course& course, WallMillis next) {
  if (course.recipients.empty()) return;
  for (const RecipientOutcome& each : course.outcomes) {
    const bool taken = each.outcome == DeliveryOutcome::relayed || each.outcome == DeliveryOutcome::delivered;
    counters_.recipients_taken += taken ? 1 : 0;
    counters_.recipients_failed += each.outcome == DeliveryOutcome::refused ? 1 : 0;
  }
  note_response(schedule_.status(course.job)->destination, course.response);
  const std::string id = message::queue_id_text(course.active.id);
  DeliveryRecord record = record_of(course.active, id);
  record.destination = course.bound.key;
  record.next_hop = course.next_hop;
  record.next_hop_address = course.next_hop_address;
  record.tls = course.tls;
  record.took = parts_.loop.now() - course.began;
  record.next_try = next;
  observe_deliveries(parts_.observer, record, course.active.envelope(), std::move(course.outcomes));
}

// Those who still wait have waited long enough.
void Queue::give_up(Course& course) {
  std::vector<RecipientOutcome> expired;
  for (const std::uint32_t i : course.recipients) {
    RecipientStatus& recipient = course.active.status().recipients[i];
    if (recipient.fate != Fate::waiting) continue;
    recipient.fate = Fate::expired;
    recipient.at = parts_.loop.platform().clock.wall();
    if (recipient.text.empty()) recipient.text = "It could not be delivered in time";
    ++counters_.recipients_expired;
    expired.push_back({.recipient = i,
                       .outcome = DeliveryOutcome::expired,
                       .code = recipient.code,
                       .enhanced = recipient.enhanced,
                       .text = recipient.text});
  }
  const std::string id = message::queue_id_text(course.active.id);
  DeliveryRecord record = record_of(course.active, id);
  record.destination = course.bound.key;
  observe_deliveries(parts_.observer, record, course.active.envelope(), std::move(expired));
}

// A job that is late, and was not tried lately: behind a destination that is dead, one message at a time is.  Its time
// is not over yet.  Of what an operator holds nobody is told.
Task<void> Queue::warn(Active& active, const schedule::JobStatus& known, schedule::JobId job) {
  // What cannot be kept now is looked for once more with the next attempt.
  if (!known.hold) static_cast<void>(co_await report(active));
  const Instant expires = later(instant_of(active.message->stored.arrived), options_.expire);
  if (!schedule_.postpone(job, expires, parts_.loop.now())) end_job(known.message, job);
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
  const std::string key(schedule_.status(known.destination)->name);
  const std::shared_ptr<Active> active = co_await open(known.message);
  if (active != nullptr) {
    const auto room = co_await parts_.spool.await_promise(active->status().recipients.size());
    if (!room) co_return;
    const WallMillis age = parts_.loop.platform().clock.wall() - active->message->stored.arrived;
    if (age < options_.expire / std::chrono::milliseconds(1)) {
      co_await warn(*active, known, job);
      if (active.use_count() <= 2) active_.erase(known.message);
      co_return;
    }
    Course course(*active, job, parts_.loop.now());
    bind_course(course, key);
    give_up(course);
    active->status().update_due();
    // A report that cannot be kept now is due as long as the message is here: another job looks again.
    const bool kept = co_await save(*active) && (active->finished || co_await report(*active));
    if (!kept && !closing_)
      add_job(known.message, {.customer = active->message->stored.submitter.customer,
                              .destination = key,
                              .due = parts_.loop.now() + std::chrono::minutes(1),
                              .arrived = parts_.loop.platform().clock.wall(),
                              .first = false});
  }
  end_job(known.message, job);
  if (active != nullptr && active.use_count() <= 2) active_.erase(known.message);
}

}  // namespace sluice::relay
