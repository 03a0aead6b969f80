#include "engine/relay/queue.h"

#include <algorithm>

#include "engine/relay/message_destinations.h"
#include "engine/relay/queue_active.h"

namespace sluice::relay {
namespace {

// Starts in one turn of the loop: the clients' turn comes between.
constexpr int kStartsPerTurn = 64;
constexpr std::uint32_t kExpiringMax = 32;  // messages that are read to be given up, or to tell that they are late
constexpr Duration kLongest = std::chrono::hours(24 * 365);

}  // namespace

Queue::Queue(const Parts& parts, QueueOptions options)
    : parts_(parts), options_(std::move(options)), schedule_(options_.schedule), budget_(options_.reports) {}

Queue::~Queue() { CHECK(tasks_.live() == 0 && active_.empty() && !timer_.armed()); }

void Queue::set_options(QueueOptions options) {
  options_ = std::move(options);
  schedule_.set_throttles(options_.schedule.throttle, options_.schedule.throttles);
}

WallMillis Queue::first_retry() {
  const Duration wait = options_.curve.wait(1, parts_.loop.platform().random.number());
  return parts_.loop.platform().clock.wall() + wait / std::chrono::milliseconds(1);
}

// ------------------------------------------------------------------------------------------ jobs

// Calendar time is what survives a restart; a moment that is far away is as good as one that is very far.
Instant Queue::instant_of(WallMillis time) const {
  const Duration ahead = std::chrono::milliseconds(std::clamp<WallMillis>(time - parts_.loop.platform().clock.wall(),
                                                                          -kLongest / std::chrono::milliseconds(1),
                                                                          kLongest / std::chrono::milliseconds(1)));
  return parts_.loop.now() + ahead;
}

// When a message is looked at though it was not tried: its sender is to be told that it is late, or that it is given
// up.
Instant Queue::looked_at_by(WallMillis arrived) const {
  const Instant late = later(instant_of(arrived), options_.delay_report);
  const bool warns = options_.delay_report > Duration::zero() && late > parts_.loop.now();
  return warns ? late : later(instant_of(arrived), options_.expire);
}

void Queue::add_job(spool::QueueId id, const Added& added) {
  const Instant now = parts_.loop.now();
  const schedule::JobId job = schedule_.add(
      {.message = id,
       .destination = schedule_.destination(added.destination, route::route_of_destination(added.destination)),
       .customer = schedule_.customer(added.customer),
       .due = added.due,
       .expires = looked_at_by(added.arrived),
       .first_attempt = added.first},
      now);
  if (added.held) CHECK(schedule_.hold(job, now));
  Jobs& jobs = jobs_[id];
  if (!jobs.first) {
    jobs.first = job;
  } else {
    if (jobs.more == nullptr) jobs.more = std::make_unique<std::vector<schedule::JobId>>();
    jobs.more->push_back(job);
  }
}

std::vector<schedule::JobId> Queue::job_ids(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return {};
  std::vector<schedule::JobId> all{at->second.first};
  if (at->second.more != nullptr) all.insert(all.end(), at->second.more->begin(), at->second.more->end());
  return all;
}

std::vector<schedule::JobStatus> Queue::jobs(spool::QueueId id) {
  std::vector<schedule::JobStatus> all;
  for (const schedule::JobId job : job_ids(id))
    if (const auto known = schedule_.status(job)) all.push_back(*known);
  return all;
}

bool Queue::has_several_jobs(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  return at != jobs_.end() && at->second.more != nullptr;
}

void Queue::forget_job(spool::QueueId id, schedule::JobId job) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  Jobs& jobs = at->second;
  if (jobs.first == job) {
    jobs.first = {};
    if (jobs.more != nullptr && !jobs.more->empty()) {
      jobs.first = jobs.more->back();
      jobs.more->pop_back();
    }
  } else if (jobs.more != nullptr) {
    std::erase(*jobs.more, job);
  }
  if (!jobs.first) jobs_.erase(at);
}

// It is tried again then, unless the operator has removed it.
void Queue::put_back(spool::QueueId id, schedule::JobId job, Instant due) {
  if (!schedule_.retry(job, due, parts_.loop.now())) forget_job(id, job);
}

// It may have been removed before, by the operator.
void Queue::end_job(spool::QueueId id, schedule::JobId job) {
  static_cast<void>(schedule_.remove(job, parts_.loop.now()));
  forget_job(id, job);
}

std::string Queue::index_fault() const {
  std::size_t indexed = 0;
  for (const auto& [id, jobs] : jobs_) {
    const std::string name = message::queue_id_text(id);
    for (const schedule::JobId job : job_ids(id)) {
      const auto known = schedule_.status(job);
      if (!known || known->message != id) return name + ": a job in the index that is not in the schedule";
      ++indexed;
    }
    if (!closing_ && active_.empty() && !parts_.spool.has(id)) return name + ": a job without a message";
  }
  if (indexed != schedule_.size())
    return std::to_string(schedule_.size()) + " jobs in the schedule, " + std::to_string(indexed) + " in the index";
  if (closing_ || !active_.empty()) return {};
  for (const auto& [id, entry] : parts_.spool.index())
    if (!jobs_.contains(id)) return message::queue_id_text(id) + ": a message without a job";
  return {};
}

void Queue::add(spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status) {
  ++counters_.added;
  const Router& router = parts_.router();
  const auto bind = [&](const message::Recipient& recipient) {
    return router.bind(recipient, stored.envelope, stored.submitter).key;
  };
  for (const MessageDestination& destination : destinations_of(stored.envelope, status, bind))
    add_job(id, {.customer = stored.submitter.customer,
                 .destination = destination.key,
                 .due = instant_of(destination.due),
                 .arrived = stored.arrived,
                 .first = !destination.tried,
                 .held = status.held});
  parts_.loop.defer(pump_later_);
}

void Queue::restore(const Restored& restored, std::string_view customer, std::string_view destination) {
  ++counters_.restored;
  add_job(restored.id, {.customer = customer,
                        .destination = destination,
                        .due = instant_of(restored.due),
                        .arrived = restored.arrived,
                        .first = !restored.tried,
                        .held = restored.held});
}

// What is to be reported is reported now; what its recipients wait for is another matter.
void Queue::add_dsn_job(Active& active) {
  add_job(active.id, {.customer = active.message->stored.submitter.customer,
                      .destination = kDsnDestination,
                      .due = parts_.loop.now(),
                      .arrived = parts_.loop.platform().clock.wall(),
                      .first = false});
}

// ------------------------------------------------------------------------------------------ turns

void Queue::run() {
  running_ = true;
  parts_.spool.on_room([this] { parts_.loop.defer(pump_later_); });
  parts_.loop.defer(pump_later_);
}

void Queue::pump() {
  if (!running_ || closing_) return;
  const Instant now = parts_.loop.now();
  parts_.loop.timers().disarm(timer_);
  for (int i = 0; i < kStartsPerTurn && schedule_.due(now) <= now; ++i) {
    // Nothing starts whose outcome could not be recorded: on_room() goes on.
    auto room = parts_.spool.promise(1);
    if (!room) return;
    // Of a whole farm that is dead, all may be at one time.
    const auto over = expiring_ < kExpiringMax ? schedule_.expired(now) : std::nullopt;
    if (over) {
      tasks_.add(expire(*over));
      continue;
    }
    const auto job = schedule_.next(now);
    if (!job) break;
    tasks_.add(deliver(*job, *std::move(room)));
  }
  if (expiring_ == kExpiringMax) return;  // each that ends looks again
  const Instant due = schedule_.due(now);
  if (due == Instant::max()) return;
  // Now: there was more than fits into one turn.
  parts_.loop.timers().arm(timer_, std::max(due, now + std::chrono::milliseconds(1)));
}

void Queue::on_timer(void* self) { static_cast<Queue*>(self)->pump(); }

void Queue::stop() {
  closing_ = true;
  parts_.spool.on_room([] {});
  parts_.loop.timers().disarm(timer_);
}

Task<void> Queue::close() {
  stop();
  co_await tasks_.join("deliveries under way");
}

// ------------------------------------------------------------------------------------------ messages

// Null where it cannot be read: it has been set aside then, and has no jobs any more.
Task<std::shared_ptr<Queue::Active>> Queue::open(spool::QueueId id) {
  auto& place = active_[id];
  if (place != nullptr) {
    std::shared_ptr<Active> active = place;
    if (!active->opened) {
      AsyncEvent event;
      active->waiting.push_back(&event);
      co_await event.wait("the message to be read");
    }
    co_return active->message && !active->finished ? active : nullptr;
  }
  std::shared_ptr<Active> active = place = std::make_shared<Active>(id);
  auto read = co_await parts_.spool.read(id);
  active->opened = true;
  if (read) active->message.emplace(*std::move(read));
  for (AsyncEvent* event : active->waiting) event->set();
  if (active->message) co_return active;
  active_.erase(id);
  if (!parts_.spool.has(id)) co_return nullptr;
  co_await set_aside(*active, read.error());
  co_return nullptr;
}

// It cannot be read: the operator gets what there is of it, and the queue goes on without.
Task<void> Queue::set_aside(Active& active, std::string why) {
  active.finished = true;
  parts_.observer.event(message::queue_id_text(active.id), "damaged", why);
  for (const schedule::JobId job : job_ids(active.id)) end_job(active.id, job);
  co_await parts_.spool.quarantine(active.id, std::move(why));
}

// Writes down what is known of it now; when nothing is left to be done, it goes.
Task<bool> Queue::save(Active& active) {
  if (active.finished) co_return true;
  const message::DeliveryStatus& status = active.status();
  const bool over = status.finished() && !dsn::reports_due(active.envelope(), status, false).any();
  if (!over) co_return co_await parts_.spool.update(active.id, status);
  active.finished = true;
  ++counters_.finished;
  co_return co_await parts_.spool.finish(active.id);
}

// ------------------------------------------------------------------------------------------ orders

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
  const Instant now = parts_.loop.now();
  if (!jobs_.contains(id)) co_return false;
  parts_.loop.defer(pump_later_);
  if (order == Order::flush) {
    bool any = false;
    for (const schedule::JobId job : job_ids(id)) any = try_now(job) || any;
    co_return any;
  }
  const std::shared_ptr<Active> active = co_await open(id);
  if (active == nullptr) co_return false;
  const auto room = co_await parts_.spool.await_promise(active->status().recipients.size());
  if (!room) co_return false;
  if (order == Order::remove) {
    remove_recipients(*active);
  } else {
    active->status().held = order == Order::hold;
    for (const schedule::JobId job : job_ids(id)) {
      if (order == Order::hold) {
        if (!schedule_.hold(job, now)) forget_job(id, job);
      } else if (schedule_.release(job, now)) {
        try_now(job);
      }
    }
  }
  const bool saved = co_await save(*active);
  // What failed before is still to be reported.
  if (order == Order::remove && saved && !active->finished && job_ids(id).empty()) add_dsn_job(*active);
  if (active.use_count() <= 2) active_.erase(id);
  // What was released is due by what it was due before, and nothing else may bring about a turn.
  parts_.loop.defer(pump_later_);
  co_return saved;
}

void Queue::remove_recipients(Active& active) {
  std::vector<RecipientOutcome> removed;
  auto& recipients = active.status().recipients;
  for (std::uint32_t i = 0; i < recipients.size(); ++i) {
    if (recipients[i].fate != message::Fate::waiting) continue;
    recipients[i].fate = message::Fate::removed;
    recipients[i].at = parts_.loop.platform().clock.wall();
    removed.push_back({.recipient = i, .outcome = DeliveryOutcome::removed, .text = "by the operator"});
  }
  active.status().update_due();
  // Jobs that run are forgotten when they have ended.
  for (const schedule::JobId job : job_ids(active.id)) {
    const auto known = schedule_.status(job);
    if (schedule_.remove(job, parts_.loop.now()) && known->state == schedule::JobState::running) continue;
    forget_job(active.id, job);
  }
  const std::string id = message::queue_id_text(active.id);
  observe_deliveries(parts_.observer, record_of(active, id), active.envelope(), std::move(removed));
}

DeliveryRecord Queue::record_of(const Active& active, std::string_view id) const {
  const spool::Stored& stored = active.message->stored;
  return {.id = id,
          .customer = stored.submitter.customer,
          .account = stored.submitter.account,
          .bytes = stored.content_bytes};
}

}  // namespace sluice::relay
