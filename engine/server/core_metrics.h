// What a core counts and has, as metrics: a new one is a row in core_metrics.cc.  Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/metrics/family.h"
#include "engine/relay/router.h"
#include "engine/schedule/schedule.h"
#include "engine/server/counters.h"

namespace sluice::server {

// Of one core, at one moment.
struct CoreMetrics {
  CoreCounters counters;
  bool spool_accepts = false;
  std::uint64_t jobs = 0;  // of the queue, of which
  std::uint64_t jobs_ready = 0;
  std::uint64_t jobs_running = 0;
  std::uint64_t jobs_held = 0;
  std::vector<schedule::RouteJobs> queue_routes{};  // the jobs by route
  std::optional<WallMillis> oldest_queued{};        // see OldestMail
  std::optional<WallMillis> oldest_held{};
  std::uint64_t destinations = 0;
  std::uint64_t deliveries = 0;  // messages of the queue that are being worked at
  std::uint64_t outgoing_max = 0;
  std::uint64_t sessions_max = 0;
  std::vector<relay::Router::RouteHosts> routes;  // see NextHopTotals
  std::vector<auth::BackendCounters> backends;
  relay::Router::MxTotals mx;     // of the current configuration
  std::uint64_t customers = 0;    // that the queue knows
  std::uint64_t credentials = 0;  // logins that the credential cache remembers
  struct Memory {                 // in bytes
    std::uint64_t receive_buffers = 0;
    std::uint64_t messages = 0;  // that come in: what each has beyond its first part
    std::uint64_t queue = 0;     // jobs
    std::uint64_t credentials = 0;
    std::uint64_t spool_index = 0;
    std::uint64_t tls = 0;  // see tls::session_memory()
  } memory;
};

// Sums over all cores, but for what says something of one core alone, which has its number as a label.
[[nodiscard]] std::vector<metrics::Family> families_of(std::span<const CoreMetrics> cores);

}  // namespace sluice::server
