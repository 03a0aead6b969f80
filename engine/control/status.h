// The status of the cores as values, and as the JSON that the control socket answers; sluicectl words it.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sluice::control {

// A host that connections go to.
struct HostStatus {
  std::string destination;
  std::string host;
  std::uint32_t live = 0;  // connections, of which
  std::uint32_t idle = 0;
  std::uint32_t failures = 0;  // in a row
  std::string last_error;
};

// A counter of a core; every core has the same ones, in the same order.
struct Counter {
  std::string name;
  std::uint64_t value = 0;
};

struct CoreStatus {
  std::uint32_t index = 0;
  bool draining = false;
  std::uint32_t sessions_live = 0;
  std::uint64_t deliveries = 0;  // messages of the queue that are being worked at
  std::uint64_t taken = 0;       // messages, likewise
  std::uint64_t deferred = 0;
  std::uint64_t refused = 0;
  std::uint64_t waiting = 0;  // sessions that wait for a connection to a next hop
  std::uint64_t queued = 0;   // messages
  std::string spool;          // "accepts", or why it does not
  std::vector<Counter> counters;
  std::vector<HostStatus> hosts;
};

enum class StatusView : std::uint8_t {
  status,        // a row for each core
  pools,         // for each host of each core
  counters,      // an object: the sum over all cores of each counter
  core_counters  // a row for each counter of each core
};

[[nodiscard]] std::string render_status(StatusView view, std::span<const CoreStatus> cores);

}  // namespace sluice::control
