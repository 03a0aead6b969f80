// What a schedule keeps in memory: jobs, the flows that they form, the destinations and the customers.
// Values of a Schedule, which alone makes sense of them; that core's thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/time.h"
#include "engine/schedule/heap.h"
#include "engine/schedule/list.h"
#include "engine/schedule/throttle.h"

namespace sluice::schedule::detail {

// First attempts and retries wait in lanes of their own.
enum class Lane : std::uint8_t { first, again };
inline constexpr std::size_t kLanes = 2;
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
  std::uint32_t generation : 24 = 0;
  JobState state : 3 = JobState::waiting;
  Lane lane : 1 = Lane::first;
  bool used : 1 = false;
  bool probe : 1 = false;
  bool hold : 1 = false;    // held, or to be when it is put back
  bool remove : 1 = false;  // running: to be gone when it has finished
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
  };
  std::uint32_t customer = kNone;
  std::uint32_t destination = kNone;  // free: the next free flow
  std::uint32_t jobs = 0;             // in any state
  std::array<Queue, kLanes> lanes;
};
static_assert(sizeof(Flow) <= kJobBytesMax + 8);

// Names one lane of one flow.
constexpr std::uint32_t lane_ref(std::uint32_t flow, Lane lane) { return flow * 2 + static_cast<std::uint32_t>(lane); }
constexpr std::uint32_t flow_of(std::uint32_t ref) { return ref / 2; }
constexpr Lane lane_of(std::uint32_t ref) { return static_cast<Lane>(ref % 2); }

// Whose turn it is: first attempts go first, but of `share` turns that both could have, one is for a retry.
class LaneTurn {
 public:
  [[nodiscard]] Lane choose(bool first, bool again, std::uint32_t share) const {
    if (!first || !again) return first ? Lane::first : Lane::again;
    return firsts_ + 1 >= share ? Lane::again : Lane::first;
  }
  // `again_waits`: a retry could have had that turn.
  void taken(Lane lane, bool again_waits) {
    if (lane == Lane::again || !again_waits)
      firsts_ = 0;
    else if (firsts_ < UINT32_MAX - 1)
      ++firsts_;
  }

 private:
  std::uint32_t firsts_ = 0;  // in a row
};

struct Destination {
  Throttle throttle;
  std::uint32_t limits = 0;         // which of the schedule's throttles
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
  std::string last_response;
};

struct Customer {
  std::array<List, kLanes> ring;         // lanes of flows that may go, the next one first
  std::array<Links, kLanes> ring_links;  // among the customers with such
};

}  // namespace sluice::schedule::detail
