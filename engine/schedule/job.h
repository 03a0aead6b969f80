// What a schedule keeps in memory: jobs, the flows that they form, the destinations and the customers.
// Values of a Schedule, which alone makes sense of them; that core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/destination_orders.h"
#include "engine/base/share.h"
#include "engine/base/time.h"
#include "engine/schedule/heap.h"
#include "engine/schedule/list.h"
#include "engine/schedule/throttle.h"

namespace sluice::schedule::detail {

// First attempts, retries, and messages with many recipients wait in lanes of their own.
enum class Lane : std::uint8_t { first, again, large };
inline constexpr std::size_t kLanes = 3;
constexpr std::size_t lane_index(Lane lane) { return static_cast<std::size_t>(lane); }

// A caller that pages through records that may be gone looks at so many for each one that was asked for, at most.
inline constexpr std::size_t kLooksEach = 64;

enum class JobState : std::uint8_t {
  waiting,  // for its time
  ready,    // its time has come
  running,  // being tried
  tried,    // and not put back yet
  held,     // until the operator releases it, or its time is over
  expired,  // its time is over, and the DSN of that is still due
};

struct Job {
  std::uint64_t message = 0;
  Instant due;
  Links queue;           // ready: of its flow and lane; expired: of all such.  Free: next alone
  Links at_destination;  // all of its destination's, in the order in which they came
  std::uint32_t flow = kNone;
  std::uint32_t heap_slot = kNone;  // by due while waiting, by expiry while ready or held
  std::uint32_t expires_s = 0;      // seconds since Instant(), rounded up; UINT32_MAX: never
  std::uint32_t generation : 23 = 0;
  bool again : 1 = false;  // not the first attempt
  JobState state : 3 = JobState::waiting;
  bool large : 1 = false;
  bool used : 1 = false;
  bool probe : 1 = false;
  bool hold : 1 = false;    // held, or to be when it is put back
  bool remove : 1 = false;  // running: to be gone when it has finished

  [[nodiscard]] Lane lane() const { return large ? Lane::large : again ? Lane::again : Lane::first; }
};
// A million jobs fit, with the heap, into 64 MB: an operator's queue after a bad week.
inline constexpr std::size_t kJobBytesMax = 64;
static_assert(sizeof(Job) + sizeof(HeapEntry) <= kJobBytesMax);

// The jobs of one customer for one destination.  Each of its lanes with ready jobs stands either in its customer's
// ring, where its turn comes, or is parked at its destination, which has no room.
struct Flow {
  enum class Place : std::uint8_t { nowhere, ring, parked };
  struct Queue {
    List jobs;    // ready
    Links links;  // in the ring, or among the parked
    Place place = Place::nowhere;
    ShareWeight turns = 0;  // at its destination, in a row
  };
  std::uint32_t customer = kNone;
  std::uint32_t destination = kNone;  // free: the next free flow
  std::uint32_t jobs = 0;             // in any state
  std::array<Queue, kLanes> lanes;
};
static_assert(sizeof(Flow) <= kJobBytesMax + 8);

// Names one lane of one flow.
constexpr std::uint32_t lane_ref(std::uint32_t flow, Lane lane) {
  return flow * kLanes + static_cast<std::uint32_t>(lane);
}
constexpr std::uint32_t flow_of(std::uint32_t ref) { return ref / kLanes; }
constexpr Lane lane_of(std::uint32_t ref) { return static_cast<Lane>(ref % kLanes); }

// One turn of so many is that of a message with many recipients, where it and smaller ones wait.
inline constexpr std::uint32_t kLargeShare = 8;

// Which lanes could have a turn.
using LanesThatWait = std::array<bool, kLanes>;

// Whose turn it is: first attempts go first, but of `share` turns that both could have, one is for a retry; and of
// kLargeShare that those and large messages could have, one is for a large one.
class LaneTurn {
 public:
  [[nodiscard]] Lane choose(const LanesThatWait& waits, std::uint32_t share) const {
    const bool first = waits[lane_index(Lane::first)];
    const bool again = waits[lane_index(Lane::again)];
    if (waits[lane_index(Lane::large)] && ((!first && !again) || others_ + 1 >= kLargeShare)) return Lane::large;
    if (!first || !again) return first ? Lane::first : Lane::again;
    return firsts_ + 1 >= share ? Lane::again : Lane::first;
  }
  // `again_waits`, `large_waits`: a retry or a large message could have had that turn.
  void taken(Lane lane, bool again_waits, bool large_waits) {
    count(others_, lane == Lane::large || !large_waits);
    if (lane != Lane::large) count(firsts_, lane == Lane::again || !again_waits);
  }

 private:
  static void count(std::uint32_t& in_a_row, bool over) {
    if (over)
      in_a_row = 0;
    else if (in_a_row < UINT32_MAX - 1)
      ++in_a_row;
  }
  std::uint32_t firsts_ = 0;  // in a row
  std::uint32_t others_ = 0;  // in a row, that were not large
};

struct Destination {
  Throttle throttle;
  std::uint32_t limits = 0;         // which of the schedule's throttles
  std::uint32_t route = kNone;      // whose jobs its own are counted with
  std::array<List, kLanes> parked;  // lanes of flows, the next one first
  List jobs;
  Links open_links;                  // while it has both room and parked lanes
  std::uint32_t timer_slot = kNone;  // while time alone makes room for the parked
  std::uint32_t flush_next = kNone;  // the next of its jobs to be made due
  std::uint32_t job_count = 0;
  std::uint32_t held = 0;
  std::array<std::uint32_t, kLanes> ready{};
  std::uint32_t in_ring = 0;  // lanes of its flows that stand in their customers' rings
  LaneTurn turn;
  bool open = false;
  bool flushing = false;
  Instant ordered_until = Instant::min();  // no start before: by the operator's order
  std::shared_ptr<SharedLimit> limit;      // of the operator; null: there is none
  Instant limit_until = Instant::min();    // the limit leaves nothing; it is looked at again then
  std::uint32_t limited = 0;               // of those that run, so many count there
  std::string last_response;
};

struct Customer {
  std::array<List, kLanes> ring;         // lanes of flows that may go, the next one first
  std::array<Links, kLanes> ring_links;  // among the customers with such
  // Turns that are left of those in a row, while it stands in a ring.
  std::array<ShareWeight, kLanes> turns{};
  ShareWeight weight = 1;
};

}  // namespace sluice::schedule::detail
