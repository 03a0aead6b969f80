#include "engine/relay/queue.h"

#include <algorithm>

#include "engine/relay/queue_active.h"

namespace sluice::relay {
namespace {

// Starts in one turn of the loop: the clients' turn comes between.
constexpr int kStartsPerTurn = 64;
constexpr Duration kLongest = std::chrono::hours(24 * 365);

}  // namespace

Queue::Queue(const Parts& parts, QueueOptions options)
    : parts_(parts), options_(std::move(options)), schedule_(options_.schedule), throttles_(options_.schedule.throttles.size()), budget_(options_.reports) {}

Queue::~Queue() { CHECK(tasks_.live() == 0 && active_.empty() && !timer_.armed()); }

void Queue::set_options(QueueOptions options) {
  options_ = std::move(options);
  // A route that is gone leaves its number to jobs that still have it.
  std::vector<ThrottleOptions>& throttles = options_.schedule.throttles;
  if (throttles.size() < throttles_) throttles.resize(throttles_, throttles.back());
  throttles_ = throttles.size();
  schedule_.set_throttles(throttles);
}

WallMillis Queue::first_retry() {
  const Duration wait = options_.curve.wait(1, parts_.loop.door().random.number());
  return parts_.loop.door().clock.wall() + wait / std::chrono::milliseconds(1);
}

// ------------------------------------------------------------------------------------------ jobs

// Calendar time is what survives a restart; a moment that is far away is as good as one that is very far.
Instant Queue::instant_of(WallMillis time) const {
  const Duration ahead = std::chrono::milliseconds(
      std::clamp<WallMillis>(time - parts_.loop.door().clock.wall(), -kLongest / std::chrono::milliseconds(1),
                             kLongest / std::chrono::milliseconds(1)));
  return parts_.loop.now() + ahead;
}

void Queue::add_job(spool::QueueId id, const Added& added) {
  const Instant now = parts_.loop.now();
  const JobId job =
      schedule_.add({.message = id,
                     .destination = schedule_.destination(added.destination, static_cast<std::uint16_t>(added.route)),
                     .customer = schedule_.customer(added.customer),
                     .due = added.due,
                     .expires = later(instant_of(added.arrived), options_.expire),
                     .first_attempt = added.first},
                    now);
  if (added.held) schedule_.hold(job, now);
  Jobs& jobs = jobs_[id];
  if (!jobs.first) {
    jobs.first = job;
  } else {
    if (jobs.more == nullptr) jobs.more = std::make_unique<std::vector<JobId>>();
    jobs.more->push_back(job);
  }
}

std::vector<JobId> Queue::job_ids(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return {};
  std::vector<JobId> all{at->second.first};
  if (at->second.more != nullptr) all.insert(all.end(), at->second.more->begin(), at->second.more->end());
  return all;
}

std::vector<JobStatus> Queue::jobs(spool::QueueId id) {
  std::vector<JobStatus> all;
  for (const JobId job : job_ids(id))
    if (const auto known = schedule_.status(job)) all.push_back(*known);
  return all;
}

bool Queue::has_several_jobs(spool::QueueId id) const {
  const auto at = jobs_.find(id);
  return at != jobs_.end() && at->second.more != nullptr;
}

void Queue::forget_job(spool::QueueId id, JobId job) {
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

void Queue::add(spool::QueueId id, const spool::Stored& stored, const message::DeliveryStatus& status) {
  ++counters_.added;
  Router& router = parts_.router();
  std::vector<Bound> bounds;
  for (std::size_t i = 0; i < status.recipients.size(); ++i) {
    if (status.recipients[i].fate != message::Fate::waiting) continue;
    Bound bound = router.bind(stored.envelope.recipients[i].forward_path, stored.envelope.reverse_path,
                              stored.submitter.customer);
    if (std::ranges::find(bounds, bound.key, &Bound::key) == bounds.end()) bounds.push_back(std::move(bound));
  }
  // All is decided, and there may be something to report: whoever works at it finds that out.
  if (bounds.empty()) bounds.emplace_back();
  for (const Bound& bound : bounds)
    add_job(id, {.customer = stored.submitter.customer,
                 .destination = bound.key,
                 .route = bound.route,
                 .due = instant_of(status.due),
                 .arrived = stored.arrived,
                 .first = status.tries == 0,
                 .held = status.held});
  parts_.loop.defer(pump_later_);
}

void Queue::restore(const Restored& restored, std::string_view customer, const RestoredDestination& destination) {
  ++counters_.restored;
  add_job(restored.id, {.customer = customer,
                        .destination = destination.key,
                        .route = destination.route,
                        .due = instant_of(restored.due),
                        .arrived = restored.arrived,
                        .first = !restored.tried,
                        .held = restored.held});
}

// ------------------------------------------------------------------------------------------ turns

void Queue::run() {
  running_ = true;
  parts_.loop.defer(pump_later_);
}

void Queue::pump() {
  if (!running_ || closing_) return;
  const Instant now = parts_.loop.now();
  for (int i = 0; i < kStartsPerTurn; ++i) {
    if (const auto job = schedule_.expired(now)) {
      tasks_.add(expire(*job));
      continue;
    }
    const auto job = schedule_.next(now);
    if (!job) break;
    tasks_.add(deliver(*job));
  }
  parts_.loop.timers().disarm(timer_);
  const Instant due = schedule_.due(now);
  if (due == Instant::max()) return;
  // Now: there was more than fits into one turn.
  parts_.loop.timers().arm(timer_, std::max(due, now + std::chrono::milliseconds(1)));
}

void Queue::on_timer(void* self) { static_cast<Queue*>(self)->pump(); }

void Queue::stop() {
  closing_ = true;
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
      Gate gate;
      active->waiting.push_back(&gate);
      co_await gate.wait("the message to be read");
    }
    co_return active->message && !active->finished ? active : nullptr;
  }
  std::shared_ptr<Active> active = place = std::make_shared<Active>(id);
  auto read = co_await parts_.spool.read(id);
  active->opened = true;
  if (read) active->message.emplace(*std::move(read));
  for (Gate* gate : active->waiting) gate->open();
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
  for (const JobId job : job_ids(active.id)) schedule_.remove(job, parts_.loop.now());
  jobs_.erase(active.id);
  co_await parts_.spool.set_aside(active.id, std::move(why));
}

// Writes down what is known of it now; when nothing is left to be done, it goes.
Task<bool> Queue::save(Active& active) {
  if (active.finished) co_return true;
  const message::DeliveryStatus& status = active.status();
  const bool over = status.finished() && !reports_due(active.envelope(), status, false).any();
  if (!over) co_return co_await parts_.spool.update(active.id, status);
  active.finished = true;
  ++counters_.finished;
  co_return co_await parts_.spool.finish(active.id);
}

// ------------------------------------------------------------------------------------------ orders

bool Queue::flush_destination(std::string_view name) {
  const DestinationId id = schedule_.find_destination(name);
  parts_.router().forgive(name);
  if (!schedule_.flush(id, parts_.loop.now())) return false;
  parts_.loop.defer(pump_later_);
  return true;
}

// Now, and not when its destination's failures are long enough ago: the operator knows better.
void Queue::try_now(JobId job) {
  const Instant now = parts_.loop.now();
  const auto known = schedule_.status(job);
  if (!known || !schedule_.flush(job, now)) return;
  parts_.router().forgive(schedule_.status(known->destination)->name);
  schedule_.forgive(known->destination, now);
  parts_.loop.defer(pump_later_);
}

Task<bool> Queue::order(spool::QueueId id, Order order) {
  const Instant now = parts_.loop.now();
  if (!jobs_.contains(id)) co_return false;
  parts_.loop.defer(pump_later_);
  if (order == Order::flush) {
    for (const JobId job : job_ids(id)) try_now(job);
    co_return true;
  }
  const std::shared_ptr<Active> active = co_await open(id);
  if (active == nullptr) co_return false;
  message::DeliveryStatus& status = active->status();
  if (order == Order::remove) {
    for (message::RecipientStatus& recipient : status.recipients)
      if (recipient.fate == message::Fate::waiting) {
        recipient.fate = message::Fate::removed;
        recipient.at = parts_.loop.door().clock.wall();
      }
    // Jobs that run forget theirs when they have ended.
    for (const JobId job : job_ids(id)) {
      const auto known = schedule_.status(job);
      schedule_.remove(job, now);
      if (known && known->state != JobState::running && known->state != JobState::tried) forget_job(id, job);
    }
    parts_.observer.event(message::queue_id_text(id), "removed", "by the operator");
  } else {
    status.held = order == Order::hold;
    for (const JobId job : job_ids(id)) {
      if (order == Order::hold) {
        schedule_.hold(job, now);
      } else if (schedule_.release(job, now)) {
        try_now(job);
      }
    }
  }
  const bool saved = co_await save(*active);
  if (active.use_count() <= 2) active_.erase(id);
  // What was released is due by what it was due before, and nothing else may bring about a turn.
  parts_.loop.defer(pump_later_);
  co_return saved;
}

}  // namespace sluice::relay
