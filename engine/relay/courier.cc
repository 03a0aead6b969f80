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

Verdict verdict_of(const Transmission& transmission) {
  using Kind = RecipientResult::Kind;
  const auto any = [&](Kind kind) {
    return std::ranges::any_of(transmission.results(), [kind](const RecipientResult& result) { return result.kind == kind; });
  };
  if (any(Kind::taken)) return Verdict::delivered;
  if (transmission.unreachable()) return Verdict::unreachable;
  if (!transmission.reached()) return Verdict::not_tried;
  if (any(Kind::deferred)) return transmission.code() == 0 ? Verdict::unreachable : Verdict::deferred;
  return any(Kind::refused) ? Verdict::refused : Verdict::not_tried;
}

}  // namespace

Task<void> Queue::deliver(JobId job) {
  const JobStatus known = *schedule_.status(job);
  const spool::QueueId id = known.message;
  const std::string key(schedule_.status(known.destination)->name);
  const std::shared_ptr<Active> active = co_await open(id);
  if (active == nullptr) {
    schedule_.finished(job, Verdict::not_tried, parts_.loop.now());
    schedule_.remove(job, parts_.loop.now());
    forget_job(id, job);
    co_return;
  }
  Course course(*active, job, parts_.loop.now());
  bind_course(course, key);
  const Verdict verdict = course.recipients.empty() ? Verdict::not_tried : co_await attempt(course);
  co_await conclude(course, verdict);
  if (active.use_count() <= 2) active_.erase(id);
}

// Finds who waits and is bound for this destination.  The routes may have changed since the job was made: whoever is
// bound for elsewhere now gets a job there.
void Queue::bind_course(Course& course, const std::string& key) {
  const spool::Stored& stored = course.active.message->stored;
  const message::DeliveryStatus& status = course.active.status();
  const Router& router = parts_.router();
  struct Elsewhere {
    std::size_t route = 0;
    bool has_job = false;
  };
  std::map<std::string, Elsewhere> elsewhere;
  std::map<std::string, bool> all;
  for (std::uint32_t i = 0; i < stored.envelope.recipients.size(); ++i) {
    Bound bound = router.bind(stored.envelope.recipients[i].forward_path, stored.envelope.reverse_path,
                              stored.submitter.customer);
    all.emplace(bound.key, true);
    if (status.recipients[i].fate != Fate::waiting) continue;
    if (bound.key == key) {
      course.recipients.push_back(i);
      course.bound = std::move(bound);
    } else {
      elsewhere.emplace(std::move(bound.key), Elsewhere{.route = bound.route});
    }
  }
  course.destinations = static_cast<std::uint32_t>(std::max<std::size_t>(all.size(), 1));
  for (const JobStatus& job : jobs(course.active.id)) {
    const auto at = elsewhere.find(std::string(schedule_.status(job.destination)->name));
    if (at != elsewhere.end()) at->second.has_job = true;
  }
  for (const auto& [name, place] : elsewhere)
    if (!place.has_job)
      add_job(course.active.id, {.customer = stored.submitter.customer,
                                 .destination = name,
                                 .route = place.route,
                                 .due = parts_.loop.now(),
                                 .arrived = stored.arrived,
                                 .first = status.tries == 0,
                                 .held = status.held});
}

Task<Verdict> Queue::attempt(Course& course) {
  ++counters_.tries;
  Router& router = parts_.router();
  if (const std::string& maildir = router.route(course.bound.route).maildir; !maildir.empty())
    co_return co_await put_into_mailbox(course, maildir);
  auto lease = co_await router.lease(course.bound);
  if (lease) co_return co_await transmit(course, lease->pool());
  const NoWay& why = lease.error();
  if (closing_) co_return Verdict::not_tried;
  const WallMillis now = parts_.loop.door().clock.wall();
  for (const std::uint32_t i : course.recipients) {
    RecipientStatus& recipient = course.active.status().recipients[i];
    recipient.fate = why.permanent ? Fate::failed : Fate::waiting;
    recipient.code = why.code;
    recipient.enhanced = why.enhanced;
    recipient.text = why.text;
    recipient.next_hop.clear();
    recipient.at = now;
  }
  const auto count = static_cast<std::uint16_t>(course.recipients.size());
  course.active.status().add({.at = now, .next_hop = {}, .tls = {}, .recipients = count, .taken = 0, .code = why.code, .text = why.text});
  course.told.code = why.code;
  course.text = why.text;
  (why.permanent ? course.told.refused : course.told.deferred) = count;
  co_return why.permanent ? Verdict::refused : Verdict::unreachable;
}

Task<Verdict> Queue::transmit(Course& course, Pool& pool) {
  Active& active = course.active;
  const spool::Stored& stored = active.message->stored;
  Transmission transmission(pool, {.envelope = stored.envelope,
                                   .recipients = course.recipients,
                                   .content_bytes = stored.content_bytes,
                                   .who = xclient_values(stored.submitter),
                                   .customer = share_of_pool(stored.submitter)});
  co_await transmission.begin(stored.form);
  for (const spool::Location& piece : stored.pieces) {
    auto octets = co_await parts_.spool.read_piece(active.id, piece);
    if (!octets) {
      co_await transmission.abandon();
      course.unreadable = std::move(octets.error());
      co_return Verdict::not_tried;
    }
    Chain content;
    content.append(*std::move(octets));
    co_await transmission.feed(std::move(content));
  }
  Chain content;
  content.append(active.message->content);
  co_await transmission.feed(std::move(content));
  co_await transmission.finish();
  const Verdict verdict = verdict_of(transmission);
  course.next_hop = transmission.next_hop();
  course.tls = transmission.tls();
  course.text = transmission.detail();
  course.told.code = transmission.code();
  // Nothing was asked of anybody: a try that was none.
  if (verdict == Verdict::not_tried) co_return verdict;
  const WallMillis now = parts_.loop.door().clock.wall();
  apply_results(transmission, now, active.status());
  active.status().add(attempt_of(transmission, now));
  for (const RecipientResult& result : transmission.results()) {
    using Kind = RecipientResult::Kind;
    course.told.taken += result.kind == Kind::taken ? 1U : 0U;
    course.told.refused += result.kind == Kind::refused ? 1U : 0U;
    course.told.deferred += result.kind == Kind::deferred ? 1U : 0U;
    // RFC 5321 4.5.3.1.10: "452 Too many recipients": the rest in another transaction, now.
    course.at_once = course.at_once || result.kind == Kind::unasked || (result.code == 452 && verdict == Verdict::delivered);
  }
  co_return verdict;
}

// When it is tried again, 0 if no time is left for that, or nobody waits.
WallMillis Queue::next_try(const Course& course, Verdict verdict) {
  const auto& recipients = course.active.status().recipients;
  const bool any = std::ranges::any_of(course.recipients, [&](std::uint32_t i) { return recipients[i].fate == Fate::waiting; });
  if (!any) return 0;
  const WallMillis now = parts_.loop.door().clock.wall();
  if (course.at_once) return now;
  const Duration for_tries = options_.expire - last_try_before(options_.expire);
  const WallMillis last = course.active.message->stored.arrived + for_tries / std::chrono::milliseconds(1);
  if (verdict == Verdict::not_tried) return now + kTryAgainSoon / std::chrono::milliseconds(1);
  const std::uint32_t tries = std::max(course.active.status().tries / course.destinations, 1U);
  const auto wait = options_.curve.wait_within(std::chrono::milliseconds(std::max<WallMillis>(last - now, 0)), tries,
                                               parts_.loop.door().random.number());
  return wait ? now + *wait / std::chrono::milliseconds(1) : 0;
}

// Writes down what came of it, and says when it goes on.
Task<void> Queue::conclude(Course& course, Verdict verdict) {
  Active& active = course.active;
  message::DeliveryStatus& status = active.status();
  const WallMillis next = next_try(course, verdict);
  if (next == 0) {
    give_up(course);
  } else {
    status.due = next;
  }
  counters_.recipients_taken += course.told.taken;
  counters_.recipients_failed += course.told.refused;
  tell(course, next);
  const Instant now = parts_.loop.now();
  if (!schedule_.finished(course.job, verdict, now)) forget_job(active.id, course.job);  // the operator removed it
  bool kept = course.unreadable.empty();
  // Without recipients this try was about what is to be reported; there may be nothing, and then the message goes.
  if (kept && (!course.recipients.empty() || status.finished())) kept = co_await save(active);
  if (kept && !active.finished) kept = co_await report(active);
  if (!course.unreadable.empty()) {
    co_await set_aside(active, course.unreadable);
  } else if (next != 0) {
    schedule_.retry(course.job, instant_of(next), parts_.loop.now());
  } else if (!kept && !closing_) {
    // What is to be reported could not be kept: the message stays until it is.
    schedule_.retry(course.job, parts_.loop.now() + std::chrono::minutes(1), parts_.loop.now());
  } else {
    schedule_.remove(course.job, parts_.loop.now());
    forget_job(active.id, course.job);
  }
  parts_.loop.defer(pump_later_);
}

void Queue::tell(Course& course, WallMillis next) {
  const Bound& bound = course.bound;
  if (course.recipients.empty()) return;
  const std::string id = message::queue_id_text(course.active.id);
  course.told.id = id;
  course.told.customer = course.active.message->stored.submitter.customer;
  course.told.destination = bound.key;
  course.told.next_hop = course.next_hop;
  course.told.tls = course.tls;
  course.told.text = course.text;
  course.told.bytes = course.active.message->stored.content_bytes;
  course.told.took = parts_.loop.now() - course.began;
  course.told.next_try = next;
  parts_.observer.tried(course.told);
  schedule_.set_last_words(schedule_.find_destination(bound.key), course.text);
}

// Those who still wait have waited long enough.
void Queue::give_up(Course& course) {
  for (const std::uint32_t i : course.recipients) {
    RecipientStatus& recipient = course.active.status().recipients[i];
    if (recipient.fate != Fate::waiting) continue;
    recipient.fate = Fate::expired;
    recipient.at = parts_.loop.door().clock.wall();
    if (recipient.text.empty()) recipient.text = "It could not be delivered in time";
    ++counters_.recipients_expired;
    parts_.observer.event(message::queue_id_text(course.active.id), "expired",
                          course.active.envelope().recipients[i].forward_path);
  }
}

// A job whose time is over before it came to another try.
Task<void> Queue::expire(JobId job) {
  const JobStatus known = *schedule_.status(job);
  const std::string key(schedule_.status(known.destination)->name);
  const std::shared_ptr<Active> active = co_await open(known.message);
  if (active != nullptr) {
    Course course(*active, job, parts_.loop.now());
    bind_course(course, key);
    give_up(course);
    // A report that cannot be kept now is due as long as the message is here: another job looks again.
    const bool kept = co_await save(*active) && (active->finished || co_await report(*active));
    if (!kept && !closing_)
      add_job(known.message, {.customer = active->message->stored.submitter.customer,
                              .destination = key,
                              .route = course.bound.route,
                              .due = parts_.loop.now() + std::chrono::minutes(1),
                              .arrived = parts_.loop.door().clock.wall(),
                              .first = false});
  }
  schedule_.remove(job, parts_.loop.now());
  forget_job(known.message, job);
  if (active != nullptr && active.use_count() <= 2) active_.erase(known.message);
}

}  // namespace sluice::relay
