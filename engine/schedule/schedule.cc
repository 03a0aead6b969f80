// A job's life; whose turn it is, is in schedule_turns.cc.
#include "engine/schedule/schedule.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/schedule/walk.h"

namespace sluice::schedule {

using namespace detail;

namespace {

constexpr std::uint32_t kNever = UINT32_MAX;
constexpr std::uint32_t kGenerationMax = (1U << 23) - 1;
constexpr std::uint32_t kJobsMax = 1U << 30;

std::uint32_t expiry_seconds(Instant expires) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(expires.time_since_epoch()).count();
  return seconds >= kNever ? kNever : static_cast<std::uint32_t>(std::max<std::int64_t>(seconds, 0));
}

Instant expiry_of(const Job& job) {
  return job.expires_s == kNever ? Instant::max() : Instant() + std::chrono::seconds(job.expires_s);
}

std::uint64_t pair_key(std::uint32_t customer, std::uint32_t destination) {
  return std::uint64_t{customer} << 32 | destination;
}

}  // namespace

Schedule::Schedule(const ScheduleOptions& options)
    : options_(options),
      destinations_(options.destinations_unused_max),
      customers_(options.customers_unused_max),
      random_state_(options.seed) {
  CHECK(options.total_running_max > 0 && options.retries_share > 0);
  set_throttles(options.throttle, options.throttles);
}

void Schedule::set_throttles(const ThrottleOptions& throttle, const RouteThrottles& throttles) {
  const std::vector<RouteLimits> before = std::exchange(limits_, {});
  limits_by_route_.clear();
  add_limits({}, throttle);
  for (const auto& [route, options] : throttles) add_limits(route, options);
  for (std::uint32_t i = 0; i < destinations_.end(); ++i) {
    if (!destinations_.live(i)) continue;
    const RouteLimits& was = before[destinations_[i].limits];
    if (!was.route.empty() && limits_of(was.route) == 0) add_limits(was.route, was.options);
    destinations_[i].limits = limits_of(was.route);
  }
}

void Schedule::add_limits(std::string_view route, const ThrottleOptions& options) {
  CHECK(options.concurrency_start > 0 && options.concurrency_max >= options.concurrency_start);
  CHECK(options.unreachable_max > 0 && options.suspend_first > Duration::zero());
  CHECK(options.pause_first > Duration::zero() && options.pause_max >= options.pause_first);
  limits_by_route_.emplace(std::string(route), static_cast<std::uint32_t>(limits_.size()));
  limits_.push_back({.route = std::string(route), .options = options});
}

std::uint32_t Schedule::limits_of(std::string_view route) const {
  const auto found = limits_by_route_.find(route);
  return found == limits_by_route_.end() ? 0 : found->second;
}

DestinationId Schedule::destination(std::string_view name, std::string_view route, Instant now) {
  const std::uint32_t limits = limits_of(route);
  Destination fresh;
  fresh.throttle = Throttle(limits_[limits].options);
  const bool is_new = !orders_->empty() && destinations_.find(name) == kNone;
  const std::uint32_t index = destinations_.intern(name, fresh);
  destinations_[index].limits = limits;
  count_with(route, destinations_[index]);
  if (is_new) apply_order(index, now);
  return {index, destinations_.generation(index)};
}

// Routes are few: as many as configurations have had.
void Schedule::count_with(std::string_view route, Destination& destination) {
  if (destination.route != kNone) {
    if (routes_[destination.route].route == route) return;
    routes_[destination.route].jobs -= destination.job_count;
  }
  const auto known = std::ranges::find(routes_, route, &RouteJobs::route);
  destination.route = static_cast<std::uint32_t>(known - routes_.begin());
  if (known == routes_.end()) routes_.push_back({.route = std::string(route)});
  routes_[destination.route].jobs += destination.job_count;
}

CustomerId Schedule::customer(std::string_view name, ShareWeight weight) {
  const std::uint32_t index = customers_.intern(name, Customer{});
  customers_[index].weight = weight;
  return {index, customers_.generation(index)};
}

DestinationId Schedule::find_destination(std::string_view name) const {
  const std::uint32_t index = destinations_.find(name);
  return index == kNone ? DestinationId{} : DestinationId{index, destinations_.generation(index)};
}

// ------------------------------------------------------------------------------------ records

const Job* Schedule::find(JobId id) const {
  if (id.index >= jobs_.size()) return nullptr;
  const Job& job = jobs_[id.index];
  return job.used && job.generation == id.generation ? &job : nullptr;
}

Job* Schedule::find(JobId id) {
  const Job* job = std::as_const(*this).find(id);
  return job == nullptr ? nullptr : &jobs_[id.index];
}

std::uint32_t Schedule::allocate_job() {
  if (free_job_ == kNone) {
    CHECK(jobs_.size() < kJobsMax);
    jobs_.push({});
    return jobs_.size() - 1;
  }
  const std::uint32_t index = free_job_;
  free_job_ = jobs_[index].queue.next;
  return index;
}

std::uint32_t Schedule::join_flow(std::uint32_t customer, std::uint32_t destination) {
  const auto [it, added] = flow_by_pair_.try_emplace(pair_key(customer, destination), free_flow_);
  if (added) {
    if (free_flow_ == kNone) {
      it->second = flows_.size();
      flows_.push({});
    } else {
      free_flow_ = flows_[it->second].destination;
    }
    Flow& flow = flows_[it->second];
    flow.customer = customer;
    flow.destination = destination;
    customers_.use(customer);
    destinations_.use(destination);
  }
  ++flows_[it->second].jobs;
  return it->second;
}

void Schedule::leave_flow(std::uint32_t index) {
  Flow& flow = flows_[index];
  if (--flow.jobs > 0) return;
  for (const Flow::Queue& lane : flow.lanes) CHECK(lane.place == Flow::Place::nowhere && lane.jobs.empty());
  const std::uint32_t customer = flow.customer;
  const std::uint32_t destination = flow.destination;
  flow_by_pair_.erase(pair_key(customer, destination));
  flow = {};
  flow.destination = std::exchange(free_flow_, index);
  customers_.unuse(customer);
  destinations_.unuse(destination);
}

void Schedule::push_heap(std::uint32_t job, Instant when) {
  if (when != Instant::max()) heap_.push(when, job);
}

void Schedule::take_from_heap(std::uint32_t job) {
  if (jobs_[job].heap_slot != kNone) heap_.remove(jobs_[job].heap_slot);
}

// ------------------------------------------------------------------------------------ in and out

JobId Schedule::add(const NewJob& added, Instant now) {
  CHECK(destinations_.live(added.destination.index, added.destination.generation));
  CHECK(customers_.live(added.customer.index, added.customer.generation));
  const std::uint32_t index = allocate_job();
  Job& job = jobs_[index];
  const std::uint32_t generation = job.generation == kGenerationMax ? 1 : job.generation + 1;
  job = {};
  job.message = added.message;
  job.due = added.due;
  job.expires_s = expiry_seconds(added.expires);
  job.generation = generation & kGenerationMax;
  job.again = !added.first_attempt;
  job.large = added.large;
  job.used = true;
  job.flow = join_flow(added.customer.index, added.destination.index);
  Destination& destination = destination_of(job);
  append(destination.jobs, index, destination_job_links());
  ++destination.job_count;
  ++routes_[destination.route].jobs;
  ++job_count_;
  ++counters_.added;
  queue(index, now);
  return id_of(index);
}

// Where a job goes that stands in no queue.
void Schedule::queue(std::uint32_t index, Instant now) {
  Job& job = jobs_[index];
  const Instant expires = expiry_of(job);
  if (expires <= now) {
    job.state = JobState::expired;
    append(expired_, index, job_links());
  } else if (job.hold) {
    job.state = JobState::held;
    ++destination_of(job).held;
    ++held_;
    push_heap(index, expires);
  } else if (job.due <= now) {
    push_heap(index, expires);
    make_ready(index, now);
  } else {
    job.state = JobState::waiting;
    push_heap(index, std::min(job.due, expires));
  }
}

// Out of whatever queue it stands in.
void Schedule::detach(std::uint32_t index, Instant now) {
  Job& job = jobs_[index];
  take_from_heap(index);
  if (job.state == JobState::ready) take_ready(index, now);
  if (job.state == JobState::expired) unlink(expired_, index, job_links());
  if (job.state == JobState::held) {
    --destination_of(job).held;
    --held_;
  }
}

void Schedule::erase(std::uint32_t index) {
  Job& job = jobs_[index];
  Destination& destination = destination_of(job);
  if (destination.flush_next == index) destination.flush_next = job.at_destination.next;
  for (JobWalk* walk = walks_; walk != nullptr; walk = walk->next_walk_) walk->leave(index);
  unlink(destination.jobs, index, destination_job_links());
  --destination.job_count;
  --routes_[destination.route].jobs;
  leave_flow(job.flow);
  job.used = false;
  job.queue.next = std::exchange(free_job_, index);
  --job_count_;
  ++counters_.removed;
}

bool Schedule::finished(JobId id, Verdict verdict, Instant now) {
  Job* job = find(id);
  CHECK(job != nullptr && job->state == JobState::running);
  const std::uint32_t index = flows_[job->flow].destination;
  Destination& destination = destinations_[index];
  count(destination.throttle.finish(throttle_options(destination), verdict, job->probe, now, random()));
  give_limit_back(destination);
  if (verdict == Verdict::delivered) ++counters_.delivered;
  if (verdict == Verdict::refused) ++counters_.refused;
  if (verdict == Verdict::deferred) ++counters_.deferred;
  if (verdict == Verdict::unreachable) ++counters_.unreachable;
  --running_;
  job->state = JobState::tried;
  job->probe = false;
  const bool stays = !job->remove;
  if (!stays) erase(id.index);
  if (destinations_.live(index)) refresh(index, now);
  return stays;
}

void Schedule::observed(DestinationId id, Verdict verdict, Instant now) {
  if (!destinations_.live(id.index, id.generation)) return;
  Destination& destination = destinations_[id.index];
  count(destination.throttle.observe(throttle_options(destination), verdict, now, random()));
  refresh(id.index, now);
}

void Schedule::count(Throttle::Change change) {
  if (change == Throttle::Change::suspended) ++counters_.suspensions;
  if (change == Throttle::Change::resumed) ++counters_.resumed;
}

bool Schedule::retry(JobId id, Instant due, Instant now) {
  Job* job = find(id);
  if (job == nullptr || job->state != JobState::tried) return false;
  job->due = due;
  job->again = true;
  queue(id.index, now);
  return true;
}

bool Schedule::postpone(JobId id, Instant expires, Instant now) {
  --counters_.expired;
  Job* job = find(id);
  if (job == nullptr || job->state != JobState::tried) return false;
  job->expires_s = expiry_seconds(expires);
  queue(id.index, now);
  return true;
}

bool Schedule::remove(JobId id, Instant now) {
  Job* job = find(id);
  if (job == nullptr) return false;
  if (job->state == JobState::running) {
    job->remove = true;
    return true;
  }
  detach(id.index, now);
  erase(id.index);
  return true;
}

bool Schedule::hold(JobId id, Instant now) {
  Job* job = find(id);
  if (job == nullptr) return false;
  job->hold = true;
  if (job->state != JobState::waiting && job->state != JobState::ready) return true;
  detach(id.index, now);
  queue(id.index, now);
  return true;
}

bool Schedule::release(JobId id, Instant now) {
  Job* job = find(id);
  if (job == nullptr || !job->hold) return false;
  job->hold = false;
  if (job->state != JobState::held) return true;
  detach(id.index, now);
  queue(id.index, now);
  return true;
}

bool Schedule::flush(JobId id, Instant now) {
  Job* job = find(id);
  if (job == nullptr) return false;
  if (job->state == JobState::ready) return true;
  if (job->state != JobState::waiting) return false;
  detach(id.index, now);
  job->due = std::min(job->due, now);
  queue(id.index, now);
  return true;
}

void Schedule::reset_backoff(DestinationId id, Instant now) {
  if (!destinations_.live(id.index, id.generation)) return;
  destinations_[id.index].throttle.reset_backoff(now);
  refresh(id.index, now);
}

bool Schedule::flush(DestinationId id, Instant now) {
  if (!destinations_.live(id.index, id.generation)) return false;
  Destination& destination = destinations_[id.index];
  destination.throttle.reset_backoff(now);
  destination.flush_next = destination.jobs.first;
  if (!std::exchange(destination.flushing, true)) flushing_.push_back(id);
  refresh(id.index, now);
  return true;
}

}  // namespace sluice::schedule
