// What a core counts and holds, for monitoring and for sluicectl.
#include "engine/server/core.h"

#include "engine/tls/session_memory.h"

namespace sluice::server {

CoreCounters Core::counters() {
  return {.sessions = counters_,
          .accepts_failed = accepts_failed_,
          .generations_live = 1 + retired_.size() + old_generations_.live(),
          .handshakes_live = admission_.handshakes(),
          .hops = hop_counters_,
          .next_hops_in_clear = host_memory_.noted(hop::Lack::tls),
          .next_hops_lacking = host_memory_.noted_beside(hop::Lack::tls),
          .signing = signing_counters_,
          .queue = queue_.counters(),
          .schedule = queue_.schedule().counters(),
          .spool = spool_.counters(),
          .spool_log = spool_.log_counters(),
          .spool_messages = spool_.messages(),
          .spool_bytes = spool_.disk_bytes(),
          .spool_live_bytes = spool_.live_bytes(),
          .spool_synced = options_.spool.log.synced,
          .logins = authenticator_.counters(),
          .mailboxes = mailbox_watch_.counters(),
          .limits = observer_.limits(),
          .events_lost = events_.lost(),
          .loop = loop_.counters(),
          .enters = loop_.platform().ring.enters(),
          .sessions_live = static_cast<std::uint32_t>(live_.size()),
          .operations_live = loop_.operations_live(),
          .buffers_in_use = loop_.buffers().in_use(),
          .heap_blocks_live = heap_blocks_live(),
          .frames_live = task_frames_live()};
}

CoreMetrics Core::metrics() {
  const schedule::Schedule& schedule = queue_.schedule();
  return {.counters = counters(),
          .spool_accepts = spool_.accepting(),
          .jobs = schedule.size(),
          .jobs_ready = schedule.ready(),
          .jobs_running = schedule.running(),
          .jobs_held = schedule.held(),
          .queue_routes = schedule.routes(),
          .oldest_queued = oldest_.queued(),
          .oldest_held = oldest_.held(),
          .destinations = schedule.destination_count(),
          .deliveries = queue_.active(),
          .outgoing_max = outgoing_.most(),
          .sessions_max = sessions_max(),
          .routes = next_hop_totals_.found(),
          .backends = backends_.counters(),
          .mx = current_->router().mx_totals(),
          .customers = schedule.customer_count(),
          .credentials = authenticator_.cache().size(),
          .memory = {.receive_buffers = std::uint64_t{options_.limits.buffers} * options_.limits.buffer_bytes,
                     .messages = message_memory_.held(),
                     .queue = schedule.job_bytes(),
                     .credentials = authenticator_.cache().bytes(),
                     .spool_index = spool_.index_bytes(),
                     .tls = tls::session_memory()}};
}

control::CoreStatus Core::status() {
  const CoreCounters counters = this->counters();
  control::CoreStatus status{.index = options_.index,
                             .draining = draining_,
                             .sessions_live = counters.sessions_live,
                             .deliveries = queue_.active(),
                             .taken = counters.sessions.messages_taken,
                             .deferred = counters.sessions.messages_deferred,
                             .refused = counters.sessions.messages_refused,
                             .waiting = hop_counters_.waiting,
                             .queued = counters.spool_messages,
                             .spool = spool_.accepting() ? "accepts" : std::string(spool_.refusal_reason()),
                             .counters = named(counters)};
  for (const auto& [destination, host] : current_->router().hosts()) {
    status.hosts.push_back({.destination = std::string(destination),
                            .host = host.label,
                            .live = host.live,
                            .idle = host.idle,
                            .failures = host.failures,
                            .last_error = host.last_error});
  }
  return status;
}

}  // namespace sluice::server
