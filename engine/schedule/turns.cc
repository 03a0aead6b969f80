// Whose turn it is, in three steps: first attempts or retries, then which customer, then which of its destinations.
//
// A flow's lane with ready jobs stands in its customer's ring as long as its destination has room for it.  If at its
// turn there is none after all, it is parked at the destination, in front.  A destination that has room again joins
// `open_`, and each call of next() brings one parked lane of one open destination back into its customer's ring.  So
// a destination that is the bottleneck serves its customers in the order in which they came, at constant cost.  And
// where the core itself is the bottleneck, and a ring's turns come late, room at a destination is not kept for one
// lane while others wait: they are unparked too, one by one.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/schedule/schedule.h"

namespace sluice::schedule {

using namespace detail;

namespace {

// What time or the operator makes ready at once is taken in portions, so that one call stays short.
constexpr unsigned kWokenPerCall = 256;

}  // namespace

std::uint64_t Schedule::random() {  // splitmix64 (Steele, Lea and Flood, 2014)
  std::uint64_t z = random_state_ += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

std::optional<JobId> Schedule::next(Instant now) {
  wake(now);
  if (running_ >= options_.total_running_max) return std::nullopt;
  const std::uint32_t ref = choose(now);
  if (ref == kNone) return std::nullopt;
  return start(ref, now);
}

std::optional<JobId> Schedule::expired(Instant now) {
  wake(now);
  if (expired_.empty()) return std::nullopt;
  const std::uint32_t job = expired_.first;
  unlink(expired_, job, job_links());
  jobs_[job].state = JobState::tried;
  ++counters_.expired;
  return id_of(job);
}

Instant Schedule::due(Instant now) const {
  if (!expired_.empty() || !flushing_.empty()) return now;
  if (running_ >= options_.total_running_max) return heap_.due();
  if (!none_in(ring_) || !open_.empty()) return now;
  return std::min(heap_.due(), timers_.due());
}

// ------------------------------------------------------------------------------------ time

void Schedule::wake(Instant now) {
  for (unsigned i = 0; i < kWokenPerCall && timers_.due() <= now; ++i) refresh(timers_.first(), now);
  for (unsigned i = 0; i < kWokenPerCall && heap_.due() <= now; ++i) wake_job(heap_.first(), now);
  if (!flushing_.empty()) flush_some(now);
}

// Its time has come, or is over.
void Schedule::wake_job(std::uint32_t job, Instant now) {
  detach(job, now);
  queue(job, now);
}

void Schedule::flush_some(Instant now) {
  const DestinationId id = flushing_.back();
  Destination* destination = destinations_.live(id.index, id.generation) ? &destinations_[id.index] : nullptr;
  for (unsigned i = 0; i < kWokenPerCall && destination != nullptr && destination->flush_next != kNone; ++i) {
    const std::uint32_t job = destination->flush_next;
    destination->flush_next = jobs_[job].at_destination.next;
    if (jobs_[job].state == JobState::waiting) CHECK(flush(id_of(job), now));
  }
  if (destination != nullptr && destination->flush_next != kNone) return;
  if (destination != nullptr) destination->flushing = false;
  flushing_.pop_back();
}

void Schedule::set_timer(std::uint32_t index, Instant when) {
  const std::uint32_t slot = destinations_[index].timer_slot;
  if (slot != kNone) {
    if (timers_.due_of(slot) == when) return;
    timers_.remove(slot);
  }
  if (when != Instant::max()) timers_.push(when, index);
}

// ------------------------------------------------------------------------------------ ready jobs

void Schedule::make_ready(std::uint32_t index, Instant now) {
  Job& job = jobs_[index];
  job.state = JobState::ready;
  ++ready_;
  const Lane lane = job.lane();
  ++destination_of(job).ready[lane_index(lane)];
  const std::uint32_t ref = lane_ref(job.flow, lane);
  append(queue_of(ref).jobs, index, job_links());
  if (queue_of(ref).place == Flow::Place::nowhere) place(ref, /*keeps_turn=*/false, now);
}

// It is no longer ready; a lane without any has no place.
void Schedule::take_ready(std::uint32_t index, Instant now) {
  const Job& job = jobs_[index];
  const Lane lane = job.lane();
  const std::uint32_t ref = lane_ref(job.flow, lane);
  --ready_;
  --destination_of(job).ready[lane_index(lane)];
  unlink(queue_of(ref).jobs, index, job_links());
  if (!queue_of(ref).jobs.empty()) return;
  if (queue_of(ref).place == Flow::Place::ring) leave_ring(ref, false);
  if (queue_of(ref).place == Flow::Place::parked) unpark(ref);
  refresh(flows_[job.flow].destination, now);
}

// ------------------------------------------------------------------------------------ rings and parking places

// Behind those that are parked already, or before them; else into the ring if there is room for one more.
void Schedule::place(std::uint32_t ref, bool keeps_turn, Instant now) {
  const std::uint32_t index = flows_[flow_of(ref)].destination;
  Destination& destination = destinations_[index];
  const bool first_in_line = keeps_turn || destination.parked[lane_index(lane_of(ref))].empty();
  if (!keeps_turn) queue_of(ref).turns = 0;
  if (first_in_line && room(destination, now) > destination.in_ring)
    enter_ring(ref);
  else
    park(ref, keeps_turn);
  refresh(index, now);
}

void Schedule::park(std::uint32_t ref, bool keeps_place) {
  List& parked = destinations_[flows_[flow_of(ref)].destination].parked[lane_index(lane_of(ref))];
  queue_of(ref).place = Flow::Place::parked;
  if (keeps_place)
    prepend(parked, ref, lane_links());
  else
    append(parked, ref, lane_links());
}

void Schedule::unpark(std::uint32_t ref) {
  unlink(destinations_[flows_[flow_of(ref)].destination].parked[lane_index(lane_of(ref))], ref, lane_links());
  queue_of(ref).place = Flow::Place::nowhere;
}

// Before the others where its customer has turns left of those that it had just now.
void Schedule::enter_ring(std::uint32_t ref) {
  const Flow& flow = flows_[flow_of(ref)];
  const Lane lane = lane_of(ref);
  Customer& customer = customers_[flow.customer];
  List& ring = customer.ring[lane_index(lane)];
  ShareWeight& turns = customer.turns[lane_index(lane)];
  if (ring.empty() && turns > 0) {
    prepend(ring_[lane_index(lane)], flow.customer, customer_links(lane));
  } else if (ring.empty()) {
    turns = customer.weight;
    append(ring_[lane_index(lane)], flow.customer, customer_links(lane));
  }
  append(ring, ref, lane_links());
  queue_of(ref).place = Flow::Place::ring;
  ++destinations_[flow.destination].in_ring;
}

// `had_turn`: so it is another customer's now, unless it has more turns in a row.
void Schedule::leave_ring(std::uint32_t ref, bool had_turn) {
  const Flow& flow = flows_[flow_of(ref)];
  const Lane lane = lane_of(ref);
  Customer& customer = customers_[flow.customer];
  List& ring = customer.ring[lane_index(lane)];
  ShareWeight& turns = customer.turns[lane_index(lane)];
  if (had_turn) --turns;
  unlink(ring, ref, lane_links());
  queue_of(ref).place = Flow::Place::nowhere;
  --destinations_[flow.destination].in_ring;
  if (!ring.empty() && turns > 0) return;
  unlink(ring_[lane_index(lane)], flow.customer, customer_links(lane));
  if (!had_turn) turns = 0;  // it comes again behind the others
  if (ring.empty()) return;
  turns = customer.weight;
  append(ring_[lane_index(lane)], flow.customer, customer_links(lane));
}

// To be called after whatever changed a destination's room, or the customers that are parked there.
void Schedule::refresh(std::uint32_t index, Instant now) {
  Destination& destination = destinations_[index];
  const bool any = !none_in(destination.parked);
  const bool any_room = room(destination, now) > 0;
  if (const bool open = any && any_room; open != destination.open) {
    destination.open = open;
    if (open)
      append(open_, index, open_links());
    else
      unlink(open_, index, open_links());
  }
  set_timer(index, any && !any_room ? room_at(destination) : Instant::max());
}

void Schedule::unpark_one(Instant now) {
  if (open_.empty()) return;
  const std::uint32_t index = open_.first;
  Destination& destination = destinations_[index];
  // Unless the core is the bottleneck, those in the rings will have their turns before next() has no more to give.
  const bool last_slot = running_ + 1 >= options_.total_running_max;
  if (!last_slot && destination.in_ring >= room(destination, now)) return;
  unlink(open_, index, open_links());
  destination.open = false;  // refresh() puts it behind the others
  const Lane lane = destination.turn.choose(any_in(destination.parked), options_.retries_share);
  const std::uint32_t ref = destination.parked[lane_index(lane)].first;
  unpark(ref);
  enter_ring(ref);
  refresh(index, now);
}

// ------------------------------------------------------------------------------------ the turn

// The lane whose turn it is and whose destination has room; kNone: there is none.
std::uint32_t Schedule::choose(Instant now) {
  for (;;) {
    unpark_one(now);
    if (none_in(ring_)) return kNone;
    const Lane lane = turn_.choose(any_in(ring_), options_.retries_share);
    const std::uint32_t ref = customers_[ring_[lane_index(lane)].first].ring[lane_index(lane)].first;
    const std::uint32_t destination = flows_[flow_of(ref)].destination;
    if (room(destinations_[destination], now) > 0 && take_limit(destinations_[destination], now)) return ref;
    leave_ring(ref, false);  // its customer keeps the turn
    park(ref, true);
    refresh(destination, now);
  }
}

JobId Schedule::start(std::uint32_t ref, Instant now) {
  const Lane lane = lane_of(ref);
  const std::uint32_t index = flows_[flow_of(ref)].destination;
  Destination& destination = destinations_[index];
  const std::uint32_t job = queue_of(ref).jobs.first;
  leave_ring(ref, true);
  take_from_heap(job);
  take_ready(job, now);
  jobs_[job].state = JobState::running;
  jobs_[job].probe = destination.throttle.start(throttle_options(destination), now);
  destination.turn.taken(lane, destination.ready[lane_index(Lane::again)] > 0,
                         destination.ready[lane_index(Lane::large)] > 0);
  turn_.taken(lane, !ring_[lane_index(Lane::again)].empty(), !ring_[lane_index(Lane::large)].empty());
  ++running_;
  ++counters_.started;
  if (jobs_[job].again) ++counters_.started_again;
  Customer& customer = customers_[flows_[flow_of(ref)].customer];
  if (!queue_of(ref).jobs.empty())
    place(ref, ++queue_of(ref).turns < customer.weight, now);
  else
    refresh(index, now);
  // Those that it could not use now are nobody's.
  if (customer.ring[lane_index(lane)].empty()) customer.turns[lane_index(lane)] = 0;
  return id_of(job);
}

}  // namespace sluice::schedule
