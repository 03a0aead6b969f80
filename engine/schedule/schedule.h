// Decides which queued job (one message for one destination) may be tried now.  Pure: times are given, nothing is
// waited for; what has to be remembered beyond a restart is in the spool.
//
// Fairness.  Customers with something to send take turns, each as many in a row as it weighs; a customer's destinations
// take turns; at a destination that is the bottleneck, customers take turns, likewise.  At each of these places first
// attempts go before retries, and of every `retries_share` turns one is a retry's; and messages with many recipients go
// behind both, with one turn of detail::kLargeShare.  A destination without room holds up only its own jobs.
//
// Costs.  A job costs at most scheduling::kJobBytesMax; a destination or customer some hundred bytes, while in use or
// among the latest few thousand.  All is O(1) or O(log n); what time brings is done in portions, by next() and
// expired().
//
// One per core; that core's thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/base/destination_orders.h"
#include "engine/base/share.h"
#include "engine/base/time.h"
#include "engine/schedule/heap.h"
#include "engine/schedule/job.h"
#include "engine/schedule/names.h"
#include "engine/schedule/pages.h"
#include "engine/schedule/throttle.h"

namespace sluice::schedule {

// By the name of a route: after a reload another one may have its place.
using RouteThrottles = std::map<std::string, ThrottleOptions, std::less<>>;

struct ScheduleOptions {
  ThrottleOptions throttle;  // of destinations whose route has no limits of its own
  RouteThrottles throttles;  // of the others, by the name of their route
  std::uint32_t total_running_max = 1000;
  std::uint32_t retries_share = 4;               // one turn of so many is a retry's where both wait; at least 1
  std::uint32_t destinations_unused_max = 4096;  // remembered though nothing waits for them
  std::uint32_t customers_unused_max = 256;
  std::uint64_t seed = 1;  // of the chance in suspensions; another one on each core
};

// Names a record; one that is gone is recognised.
template <typename Of>
struct ScheduleId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0 names nothing
  friend bool operator==(ScheduleId, ScheduleId) = default;
  explicit operator bool() const { return generation != 0; }
};
using JobId = ScheduleId<detail::Job>;
using DestinationId = ScheduleId<detail::Destination>;
using CustomerId = ScheduleId<detail::Customer>;
using detail::JobState;

struct NewJob {
  std::uint64_t message = 0;  // the caller's id of it
  DestinationId destination;
  CustomerId customer;
  Instant due;
  Instant expires = Instant::max();
  bool first_attempt = true;
  bool large = false;  // it has many recipients, and ranks behind those that have not
};

struct JobStatus {
  JobId id;
  std::uint64_t message = 0;
  DestinationId destination;
  CustomerId customer;
  std::string_view customer_name;  // until the schedule changes
  JobState state = JobState::waiting;
  bool first_attempt = true;
  bool hold = false;  // held, or about to be
  Instant due;
};

struct DestinationStatus {
  DestinationId id;
  std::string_view name;           // until the schedule changes
  std::string_view last_response;  // likewise
  std::uint32_t jobs = 0;          // in any state
  std::uint32_t ready = 0;
  std::uint32_t running = 0;
  std::uint32_t held = 0;
  std::uint32_t window = 0;  // so many may run at once
  double per_second = 0;     // starts; 0: no limit
  bool suspended = false;
  bool probing = false;  // one job finds out whether it is still to be
  Instant not_before;    // no start before that: suspension, rate, pause after 4xx, the operator's order
};

struct ScheduleCounters {
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t expired = 0;
  std::uint64_t started = 0;
  std::uint64_t started_again = 0;  // of these, retries
  std::uint64_t delivered = 0;
  std::uint64_t refused = 0;
  std::uint64_t deferred = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t suspensions = 0;
  std::uint64_t resumed = 0;
};

struct RouteJobs {
  std::string route;
  std::uint32_t jobs = 0;  // in any state, of all its destinations
};

class JobWalk;

class Schedule {
 public:
  static constexpr std::size_t kLastWordsMax = 200;

  explicit Schedule(const ScheduleOptions& options);
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  // Ids stay valid while a job refers to them, and, of those that none refers to, the latest `..._unused_max`.
  // `route`: whose limits hold for it, from now on.
  DestinationId destination(std::string_view name, std::string_view route = {}, Instant now = {});
  // `weight`: from now on.
  CustomerId customer(std::string_view name, ShareWeight weight = 1);
  [[nodiscard]] DestinationId find_destination(std::string_view name) const;  // generation 0: there is none

  // After a reload.  What was learned stays, within the new limits; destinations of a route that is gone keep theirs.
  void set_throttles(const ThrottleOptions& throttle, const RouteThrottles& throttles);

  // The operator's orders about destinations, in place of those before; those that come later heed them, too.
  void set_orders(DestinationOrders::Snapshot orders, Instant now);
  // No start before `until`, unless the orders change: a host of the destination is suspended.
  void suspend_until(DestinationId id, Instant until, Instant now);

  JobId add(const NewJob& job, Instant now);

  // The job to be tried now; it is running from then on.  nullopt: none, until something happens or due().
  std::optional<JobId> next(Instant now);
  // A job whose time was over before it could be tried (again), for the caller to give up and remove.  Without this,
  // what waits behind the probes of a dead destination would be heard of only when it comes back.  Running and tried
  // jobs do not expire here.
  std::optional<JobId> expired(Instant now);
  // When next() or expired() may say something new if nothing else happens; `now` or earlier: at once.
  [[nodiscard]] Instant due(Instant now) const;

  // A running job was tried.  False: it was removed meanwhile, and its id is gone now.  Else it counts as `tried`
  // until it is put back by retry() or removed.
  [[nodiscard]] bool finished(JobId id, Verdict verdict, Instant now);

  // The operator's, and the caller's.  False: there is no such job (any more), or it is in no state for that.
  [[nodiscard]] bool retry(JobId id, Instant due, Instant now);  // tried only
  // What expired() gave has more time.  False: it was removed meanwhile.
  [[nodiscard]] bool postpone(JobId id, Instant expires, Instant now);
  [[nodiscard]] bool remove(JobId id, Instant now);   // a running one goes when it has finished
  [[nodiscard]] bool hold(JobId id, Instant now);     // a running one when it is put back
  [[nodiscard]] bool release(JobId id, Instant now);  // its time is what it was
  [[nodiscard]] bool flush(JobId id, Instant now);    // due now; waiting or ready only
  // All that wait for it are due now, and it may be tried though it is suspended.
  [[nodiscard]] bool flush(DestinationId id, Instant now);
  // It may be tried though it is suspended; when its jobs are due stays as it is.
  void reset_backoff(DestinationId id, Instant now);

  // An attempt outside the schedule (cut-through) had this result.
  void observed(DestinationId id, Verdict verdict, Instant now);

  // What the destination said last; cut to kLastWordsMax, with "..." at its end.
  [[nodiscard]] bool set_last_response(DestinationId id, std::string_view words);

  [[nodiscard]] std::optional<JobStatus> status(JobId id) const;
  [[nodiscard]] std::optional<DestinationStatus> status(DestinationId id) const;
  // The next `max` destinations, with `*cursor` 0 at first; empty: no more.  Looks at 64 * max at most, and may
  // therefore be short: go on until *cursor is destinations_end().
  [[nodiscard]] std::vector<DestinationStatus> destinations(std::uint32_t* cursor, std::size_t max) const;
  [[nodiscard]] std::uint32_t destinations_end() const { return destinations_.end(); }
  // Its jobs: see walk.h.

  // Of each route that a destination was of.
  [[nodiscard]] const std::vector<RouteJobs>& routes() const { return routes_; }

  [[nodiscard]] const ScheduleCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint32_t size() const { return job_count_; }
  [[nodiscard]] std::uint32_t running() const { return running_; }
  [[nodiscard]] std::uint32_t ready() const { return ready_; }
  [[nodiscard]] std::uint32_t held() const { return held_; }
  // Also those that nothing waits for any more.
  [[nodiscard]] std::uint32_t destination_count() const { return destinations_.size(); }
  // Likewise.
  [[nodiscard]] std::uint32_t customer_count() const { return customers_.size(); }
  // For tests: that nothing is kept of what has gone.
  [[nodiscard]] std::uint32_t flow_count() const { return static_cast<std::uint32_t>(flow_by_pair_.size()); }
  // Memory for jobs and their heap; what is spare included.
  [[nodiscard]] std::size_t job_bytes() const { return jobs_.bytes() + heap_.bytes(); }

 private:
  friend class JobWalk;
  using Customer = detail::Customer;
  using Destination = detail::Destination;
  using Flow = detail::Flow;
  using Job = detail::Job;
  using Lane = detail::Lane;
  using Links = detail::Links;
  using List = detail::List;

  // schedule.cc: a job's life.
  [[nodiscard]] Job* find(JobId id);
  [[nodiscard]] const Job* find(JobId id) const;
  std::uint32_t allocate_job();
  void erase(std::uint32_t job);
  void detach(std::uint32_t job, Instant now);
  void queue(std::uint32_t job, Instant now);
  void push_heap(std::uint32_t job, Instant when);
  void take_from_heap(std::uint32_t job);
  std::uint32_t join_flow(std::uint32_t customer, std::uint32_t destination);
  void leave_flow(std::uint32_t flow);
  void count(Throttle::Change change);
  Destination& destination_of(const Job& job) { return destinations_[flows_[job.flow].destination]; }
  [[nodiscard]] const ThrottleOptions& throttle_options(const Destination& destination) const {
    return limits_[destination.limits].options;
  }
  [[nodiscard]] std::uint32_t limits_of(std::string_view route) const;
  void count_with(std::string_view route, Destination& destination);

  // orders.cc: what the operator has ordered.
  void apply_order(std::uint32_t destination, Instant now);
  [[nodiscard]] static bool take_limit(Destination& destination, Instant now);
  static void give_limit_back(Destination& destination);

  // schedule_turns.cc: whose turn it is.
  void make_ready(std::uint32_t job, Instant now);
  void take_ready(std::uint32_t job, Instant now);
  void wake(Instant now);
  void wake_job(std::uint32_t job, Instant now);
  void flush_some(Instant now);
  void unpark_one(Instant now);
  void place(std::uint32_t ref, bool keeps_turn, Instant now);
  void park(std::uint32_t ref, bool keeps_place);
  void unpark(std::uint32_t ref);
  void enter_ring(std::uint32_t ref);
  void leave_ring(std::uint32_t ref, bool had_turn);
  void refresh(std::uint32_t destination, Instant now);
  [[nodiscard]] static std::uint32_t room(const Destination& destination, Instant now);
  [[nodiscard]] static Instant room_at(const Destination& destination);
  void set_timer(std::uint32_t destination, Instant when);
  std::uint32_t choose(Instant now);
  JobId start(std::uint32_t ref, Instant now);
  std::uint64_t random();

  Flow::Queue& queue_of(std::uint32_t ref) {
    return flows_[detail::flow_of(ref)].lanes[lane_index(detail::lane_of(ref))];
  }
  auto lane_links() {
    return [this](std::uint32_t ref) -> Links& { return queue_of(ref).links; };
  }
  auto job_links() {
    return [this](std::uint32_t job) -> Links& { return jobs_[job].queue; };
  }
  auto destination_job_links() {
    return [this](std::uint32_t job) -> Links& { return jobs_[job].at_destination; };
  }
  auto open_links() {
    return [this](std::uint32_t destination) -> Links& { return destinations_[destination].open_links; };
  }
  // Which lanes have any in these lists.
  static detail::LanesThatWait any_in(const std::array<List, detail::kLanes>& lists) {
    detail::LanesThatWait any{};
    for (std::size_t i = 0; i < detail::kLanes; ++i) any[i] = !lists[i].empty();
    return any;
  }
  static bool none_in(const std::array<List, detail::kLanes>& lists) {
    return std::ranges::all_of(lists, [](const List& list) { return list.empty(); });
  }
  auto customer_links(Lane lane) {
    return [this, lane](std::uint32_t customer) -> Links& { return customers_[customer].ring_links[lane_index(lane)]; };
  }
  [[nodiscard]] JobId id_of(std::uint32_t job) const { return {job, jobs_[job].generation}; }
  [[nodiscard]] JobStatus describe(std::uint32_t job) const;
  [[nodiscard]] DestinationStatus describe_destination(std::uint32_t destination) const;

  struct JobMoved {
    Schedule* self;
    void operator()(std::uint32_t job, std::uint32_t slot) const { self->jobs_[job].heap_slot = slot; }
  };
  struct TimerMoved {
    Schedule* self;
    void operator()(std::uint32_t destination, std::uint32_t slot) const {
      self->destinations_[destination].timer_slot = slot;
    }
  };

  ScheduleOptions options_;
  struct RouteLimits {
    std::string route;
    ThrottleOptions options;
  };
  void add_limits(std::string_view route, const ThrottleOptions& options);
  std::vector<RouteLimits> limits_;  // the first ones are of routes that have none of their own
  std::map<std::string, std::uint32_t, std::less<>> limits_by_route_;
  std::vector<RouteJobs> routes_;
  detail::Pages<Job, 12> jobs_;
  std::uint32_t free_job_ = detail::kNone;
  detail::Pages<Flow, 8> flows_;
  std::uint32_t free_flow_ = detail::kNone;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> flow_by_pair_;  // customer and destination
  detail::NameTable<Destination> destinations_;
  detail::NameTable<Customer> customers_;
  detail::DueHeap<JobMoved> heap_{JobMoved{this}};        // waiting jobs by due, ready and held ones by expiry
  detail::DueHeap<TimerMoved> timers_{TimerMoved{this}};  // destinations by when they have room again
  std::array<List, detail::kLanes> ring_;                 // customers with lanes that may go
  List open_;                                             // destinations with room and with parked lanes
  List expired_;                                          // jobs
  std::vector<DestinationId> flushing_;
  DestinationOrders::Snapshot orders_ = std::make_shared<const DestinationOrders>();
  mutable JobWalk* walks_ = nullptr;  // those under way
  detail::LaneTurn turn_;
  std::uint32_t job_count_ = 0;
  std::uint32_t ready_ = 0;
  std::uint32_t held_ = 0;
  std::uint32_t running_ = 0;
  std::uint64_t random_state_;
  ScheduleCounters counters_;
};

}  // namespace sluice::schedule
