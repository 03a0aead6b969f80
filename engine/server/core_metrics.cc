#include "engine/server/core_metrics.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/server/named_families.h"

namespace sluice::server {
namespace {

using metrics::Kind;

struct MetricRow {
  std::string_view family;
  std::string_view labels;  // "result=granted", "cache=mx,result=hit"; empty: none
  double (*value)(const CoreMetrics&);
};

struct MetricFamily {
  std::string_view name;
  Kind kind;
  std::string_view help;
  bool per_core = false;
};

double number(std::uint64_t value) { return static_cast<double>(value); }

// Names are promises to dashboards and alerts: a change goes into CHANGELOG.md.
constexpr MetricFamily kMetricFamilies[] = {
    {"sluice_sessions_accepted", Kind::counter, "Connections of clients that were accepted."},
    {"sluice_sessions_refused", Kind::counter, "Sessions that were refused before the greeting."},
    {"sluice_sessions_open", Kind::gauge, "Sessions of clients that are open."},
    {"sluice_sessions_limit", Kind::gauge, "Sessions that may be open at one time."},
    {"sluice_accept_failures", Kind::counter, "Connections that the system could not accept."},
    {"sluice_tls_handshakes_open", Kind::gauge, "TLS handshakes of clients that are under way."},
    {"sluice_tls_handshakes", Kind::counter, "TLS handshakes of clients, by result."},
    {"sluice_logins_from_cache", Kind::counter, "Logins that the credential cache answered."},
    {"sluice_password_checks", Kind::counter, "Logins that back ends were asked about."},
    {"sluice_password_checks_unavailable", Kind::counter, "Logins that no back end could answer."},
    {"sluice_logins_in_grace", Kind::counter, "Logins granted as before while a back end was unavailable."},
    {"sluice_shield_logins", Kind::counter, "Logins that the shield against guessing refused or slowed, by the limit."},
    {"sluice_devices_revoked", Kind::counter, "Device passwords that went with their mailboxes."},
    {"sluice_messages", Kind::counter, "Messages that were answered, by verdict."},
    {"sluice_recipients", Kind::counter, "Recipients that clients offered, by verdict."},
    {"sluice_senders_refused", Kind::counter, "Senders and authors that clients may not send as."},
    {"sluice_commands_refused", Kind::counter, "Commands that were refused."},
    {"sluice_message_received_bytes", Kind::counter, "Content of messages that were taken."},
    {"sluice_next_hop_connections_opened", Kind::counter, "Connections to next hops that were opened."},
    {"sluice_next_hop_connections_reused", Kind::counter, "Messages that took a connection that was open already."},
    {"sluice_next_hop_connection_failures", Kind::counter, "Attempts to connect to a next hop that failed."},
    {"sluice_next_hop_waits", Kind::counter, "Times that a message had to wait for a connection."},
    {"sluice_next_hop_waits_refused", Kind::counter, "Times that this wait was too long, or the line full."},
    {"sluice_next_hop_connections_yielded", Kind::counter, "Connections taken from slow senders for others."},
    {"sluice_next_hop_offers_given_up", Kind::counter, "Times that an offer of a next hop failed and is not used."},
    {"sluice_signing_waiting", Kind::gauge, "Messages that wait for their turn to be signed with RSA."},
    {"sluice_signing_hashed_bytes", Kind::counter,
     "Content that was hashed for signatures, by when: while it came in, or for a message that was about to be sent."},
    {"sluice_next_hop_waiting", Kind::gauge, "Sessions and deliveries that wait for a connection to a next hop."},
    {"sluice_next_hop_connections", Kind::gauge, "Connections to next hops by route and state."},
    {"sluice_next_hop_connections_limit", Kind::gauge, "Connections to next hops that may be open at one time."},
    {"sluice_next_hops", Kind::gauge, "Next hops that have a pool now, by route, counted on each core."},
    {"sluice_next_hops_failing", Kind::gauge, "Of these, those whose last attempt to connect failed."},
    {"sluice_spool_synced", Kind::gauge, "1: an answer of 250 waits for the disk."},
    {"sluice_spool_accepting", Kind::gauge, "1: the spool of the core takes mail.", true},
    {"sluice_spool_messages", Kind::gauge, "Messages in the spool."},
    {"sluice_spool_disk_bytes", Kind::gauge, "Size of the spool on the disk."},
    {"sluice_spool_live_bytes", Kind::gauge, "Size of the messages that wait in the spool."},
    {"sluice_spool_messages_stored", Kind::counter, "Messages that were written to the spool."},
    {"sluice_spool_messages_failed", Kind::counter, "Messages that could not be written to the spool."},
    {"sluice_spool_messages_finished", Kind::counter, "Messages that left the spool."},
    {"sluice_spool_messages_quarantined", Kind::counter, "Messages of the spool that could not be read."},
    {"sluice_spool_writes", Kind::counter, "Writes to the spool, each of a batch of records."},
    {"sluice_spool_write_failures", Kind::counter, "Writes to the spool that failed."},
    {"sluice_spool_records", Kind::counter, "Records that were written to the spool."},
    {"sluice_spool_written_bytes", Kind::counter, "Bytes that were written to the spool."},
    {"sluice_spool_read_bytes", Kind::counter, "Bytes that were read from the spool, in whole blocks."},
    {"sluice_spool_segments_begun", Kind::counter, "Segments of the spool that were begun."},
    {"sluice_spool_segments_recycled", Kind::counter, "Segments of the spool whose file was used again."},
    {"sluice_queue_jobs", Kind::gauge, "Jobs of the queue, one for each message and destination, by state."},
    {"sluice_queue_route_jobs", Kind::gauge, "Jobs of the queue, in any state, by route."},
    {"sluice_queue_oldest_message_timestamp_seconds", Kind::gauge,
     "When the oldest message arrived, since 1970, by state; found in steps."},
    {"sluice_queue_deliveries", Kind::gauge, "Messages of the queue that are being delivered."},
    {"sluice_queue_destinations", Kind::gauge, "Destinations that the queue knows, counted on each core."},
    {"sluice_queue_attempts", Kind::counter, "Delivery attempts of the queue."},
    {"sluice_queue_recipients", Kind::counter, "Recipients that left the queue, by result."},
    {"sluice_queue_messages_finished", Kind::counter, "Messages that left the queue."},
    {"sluice_destination_suspensions", Kind::counter, "Times that a destination was suspended."},
    {"sluice_destination_resumptions", Kind::counter, "Times that a suspended destination took mail again."},
    {"sluice_queue_customers", Kind::gauge, "Customers that the queue knows, counted on each core."},
    {"sluice_queue_jobs_started", Kind::counter, "Jobs of the queue that were given to an attempt, by what it is."},
    {"sluice_queue_jobs_tried", Kind::counter, "Attempts of the queue, by what they say of the destination."},
    {"sluice_queue_jobs_expired", Kind::counter, "Jobs of the queue whose time was over before another attempt."},
    {"sluice_reports", Kind::counter, "Delivery status notifications, by what became of them."},
    {"sluice_events_lost", Kind::counter, "Events that no log has seen, as cores created them too fast."},
    {"sluice_cache_lookups", Kind::counter, "Questions to caches: logins, and the MX hosts of domains; by result."},
    {"sluice_cache_entries", Kind::gauge, "Answers that caches hold, counted on each core."},
    {"sluice_memory_bytes", Kind::gauge,
     "Memory by kind: receive buffers, content beyond 64 KiB a message that comes in, jobs of the queue, the cache of "
     "logins, the spool's index of messages, TLS sessions with the tickets that are kept of next hops."},
    {"sluice_generations", Kind::gauge, "Configurations in use, counted on each core."},
    {"sluice_core_turns", Kind::counter, "Turns of the event loop of the core.", true},
    {"sluice_core_completions", Kind::counter, "Operations of the kernel that were completed for the core.", true},
    {"sluice_core_kernel_enters", Kind::counter, "System calls of the event loop of the core.", true},
    {"sluice_core_sessions_open", Kind::gauge, "Sessions of clients that are open on the core.", true},
    {"sluice_core_operations_open", Kind::gauge, "Operations of the kernel that are under way for the core.", true},
    {"sluice_core_receive_buffers_used", Kind::gauge, "Receive buffers of the core that are in use.", true},
    {"sluice_core_receive_buffers_missing", Kind::counter, "Receives of the core that found no buffer.", true},
    {"sluice_core_heap_blocks", Kind::gauge, "Blocks of memory for content on the core.", true},
    {"sluice_core_frames", Kind::gauge, "Coroutine frames on the core.", true},
};

constexpr MetricRow kMetricRows[] = {
    {"sluice_sessions_accepted", {}, [](const CoreMetrics& m) { return number(m.counters.sessions.sessions); }},
    {"sluice_sessions_refused", {}, [](const CoreMetrics& m) { return number(m.counters.sessions.refused_sessions); }},
    {"sluice_sessions_open", {}, [](const CoreMetrics& m) { return number(m.counters.sessions_live); }},
    {"sluice_sessions_limit", {}, [](const CoreMetrics& m) { return number(m.sessions_max); }},
    {"sluice_accept_failures", {}, [](const CoreMetrics& m) { return number(m.counters.accepts_failed); }},
    {"sluice_tls_handshakes_open", {}, [](const CoreMetrics& m) { return number(m.counters.handshakes_live); }},
    {"sluice_tls_handshakes", "result=completed",
     [](const CoreMetrics& m) { return number(m.counters.sessions.tls_handshakes); }},
    {"sluice_tls_handshakes", "result=failed",
     [](const CoreMetrics& m) { return number(m.counters.sessions.tls_failures); }},
    {"sluice_logins_from_cache", {}, [](const CoreMetrics& m) { return number(m.counters.logins.from_cache); }},
    {"sluice_password_checks", {}, [](const CoreMetrics& m) { return number(m.counters.logins.checks); }},
    {"sluice_password_checks_unavailable",
     {},
     [](const CoreMetrics& m) { return number(m.counters.logins.unavailable); }},
    {"sluice_logins_in_grace", {}, [](const CoreMetrics& m) { return number(m.counters.logins.in_grace); }},
    {"sluice_shield_logins", "limit=address",
     [](const CoreMetrics& m) { return number(m.counters.logins.refused_by_address); }},
    {"sluice_shield_logins", "limit=network",
     [](const CoreMetrics& m) { return number(m.counters.logins.refused_by_network); }},
    {"sluice_shield_logins", "limit=account",
     [](const CoreMetrics& m) { return number(m.counters.logins.slowed_by_account); }},
    {"sluice_shield_logins", "limit=overall",
     [](const CoreMetrics& m) { return number(m.counters.logins.slowed_overall); }},
    {"sluice_devices_revoked", {}, [](const CoreMetrics& m) { return number(m.counters.mailboxes.devices_revoked); }},
    {"sluice_messages", "verdict=taken",
     [](const CoreMetrics& m) { return number(m.counters.sessions.messages_taken); }},
    {"sluice_messages", "verdict=deferred",
     [](const CoreMetrics& m) { return number(m.counters.sessions.messages_deferred); }},
    {"sluice_messages", "verdict=refused",
     [](const CoreMetrics& m) { return number(m.counters.sessions.messages_refused); }},
    {"sluice_recipients", "verdict=taken",
     [](const CoreMetrics& m) { return number(m.counters.sessions.recipients_taken); }},
    {"sluice_recipients", "verdict=refused",
     [](const CoreMetrics& m) { return number(m.counters.sessions.recipients_refused); }},
    {"sluice_senders_refused", {}, [](const CoreMetrics& m) { return number(m.counters.sessions.senders_refused); }},
    {"sluice_commands_refused", {}, [](const CoreMetrics& m) { return number(m.counters.sessions.refusals); }},
    {"sluice_message_received_bytes", {}, [](const CoreMetrics& m) { return number(m.counters.sessions.bytes_taken); }},
    {"sluice_next_hop_connections_opened", {}, [](const CoreMetrics& m) { return number(m.counters.hops.opened); }},
    {"sluice_next_hop_connections_reused", {}, [](const CoreMetrics& m) { return number(m.counters.hops.reused); }},
    {"sluice_next_hop_connection_failures", {}, [](const CoreMetrics& m) { return number(m.counters.hops.failed); }},
    {"sluice_next_hop_waits", {}, [](const CoreMetrics& m) { return number(m.counters.hops.waited); }},
    {"sluice_next_hop_waits_refused", {}, [](const CoreMetrics& m) { return number(m.counters.hops.refused); }},
    {"sluice_next_hop_connections_yielded", {}, [](const CoreMetrics& m) { return number(m.counters.hops.given_way); }},
    {"sluice_next_hop_offers_given_up", "offer=tls",
     [](const CoreMetrics& m) { return number(m.counters.next_hops_in_clear); }},
    {"sluice_next_hop_offers_given_up", "offer=other",
     [](const CoreMetrics& m) { return number(m.counters.next_hops_lacking); }},
    {"sluice_signing_waiting", {}, [](const CoreMetrics& m) { return number(m.counters.signing.waiting); }},
    {"sluice_signing_hashed_bytes", "when=coming",
     [](const CoreMetrics& m) { return number(m.counters.signing.hashed_coming); }},
    {"sluice_signing_hashed_bytes", "when=sending",
     [](const CoreMetrics& m) { return number(m.counters.signing.hashed_sending); }},
    {"sluice_next_hop_waiting", {}, [](const CoreMetrics& m) { return number(m.counters.hops.waiting); }},
    {"sluice_next_hop_connections_limit", {}, [](const CoreMetrics& m) { return number(m.outgoing_max); }},
    {"sluice_spool_accepting", {}, [](const CoreMetrics& m) { return m.spool_accepts ? 1.0 : 0.0; }},
    {"sluice_spool_messages", {}, [](const CoreMetrics& m) { return number(m.counters.spool_messages); }},
    {"sluice_spool_disk_bytes", {}, [](const CoreMetrics& m) { return number(m.counters.spool_bytes); }},
    {"sluice_spool_live_bytes", {}, [](const CoreMetrics& m) { return number(m.counters.spool_live_bytes); }},
    {"sluice_spool_messages_stored", {}, [](const CoreMetrics& m) { return number(m.counters.spool.stored); }},
    {"sluice_spool_messages_failed", {}, [](const CoreMetrics& m) { return number(m.counters.spool.not_stored); }},
    {"sluice_spool_messages_finished", {}, [](const CoreMetrics& m) { return number(m.counters.spool.finished); }},
    {"sluice_spool_messages_quarantined",
     {},
     [](const CoreMetrics& m) { return number(m.counters.spool.quarantined); }},
    {"sluice_spool_writes", {}, [](const CoreMetrics& m) { return number(m.counters.spool_log.batches); }},
    {"sluice_spool_write_failures",
     {},
     [](const CoreMetrics& m) { return number(m.counters.spool_log.failed_batches); }},
    {"sluice_spool_records", {}, [](const CoreMetrics& m) { return number(m.counters.spool_log.records); }},
    {"sluice_spool_written_bytes", {}, [](const CoreMetrics& m) { return number(m.counters.spool_log.bytes); }},
    {"sluice_spool_read_bytes", {}, [](const CoreMetrics& m) { return number(m.counters.spool.read_bytes); }},
    {"sluice_spool_segments_begun",
     {},
     [](const CoreMetrics& m) { return number(m.counters.spool_log.segments_begun); }},
    {"sluice_spool_segments_recycled", {}, [](const CoreMetrics& m) { return number(m.counters.spool.recycled); }},
    {"sluice_queue_jobs", "state=waiting",
     [](const CoreMetrics& m) {
       const std::uint64_t others = m.jobs_ready + m.jobs_running + m.jobs_held;
       return number(m.jobs - std::min(m.jobs, others));
     }},
    {"sluice_queue_jobs", "state=ready", [](const CoreMetrics& m) { return number(m.jobs_ready); }},
    {"sluice_queue_jobs", "state=held", [](const CoreMetrics& m) { return number(m.jobs_held); }},
    {"sluice_queue_jobs", "state=running", [](const CoreMetrics& m) { return number(m.jobs_running); }},
    {"sluice_queue_deliveries", {}, [](const CoreMetrics& m) { return number(m.deliveries); }},
    {"sluice_queue_destinations", {}, [](const CoreMetrics& m) { return number(m.destinations); }},
    {"sluice_queue_attempts", {}, [](const CoreMetrics& m) { return number(m.counters.queue.tries); }},
    {"sluice_queue_recipients", "result=relayed",
     [](const CoreMetrics& m) { return number(m.counters.queue.recipients_taken); }},
    {"sluice_queue_recipients", "result=failed",
     [](const CoreMetrics& m) { return number(m.counters.queue.recipients_failed); }},
    {"sluice_queue_recipients", "result=expired",
     [](const CoreMetrics& m) { return number(m.counters.queue.recipients_expired); }},
    {"sluice_queue_messages_finished", {}, [](const CoreMetrics& m) { return number(m.counters.queue.finished); }},
    {"sluice_destination_suspensions",
     {},
     [](const CoreMetrics& m) { return number(m.counters.schedule.suspensions); }},
    {"sluice_destination_resumptions", {}, [](const CoreMetrics& m) { return number(m.counters.schedule.resumed); }},
    {"sluice_queue_customers", {}, [](const CoreMetrics& m) { return number(m.customers); }},
    {"sluice_queue_jobs_started", "attempt=first",
     [](const CoreMetrics& m) { return number(m.counters.schedule.started - m.counters.schedule.started_again); }},
    {"sluice_queue_jobs_started", "attempt=retry",
     [](const CoreMetrics& m) { return number(m.counters.schedule.started_again); }},
    {"sluice_queue_jobs_tried", "result=delivered",
     [](const CoreMetrics& m) { return number(m.counters.schedule.delivered); }},
    {"sluice_queue_jobs_tried", "result=refused",
     [](const CoreMetrics& m) { return number(m.counters.schedule.refused); }},
    {"sluice_queue_jobs_tried", "result=deferred",
     [](const CoreMetrics& m) { return number(m.counters.schedule.deferred); }},
    {"sluice_queue_jobs_tried", "result=unreachable",
     [](const CoreMetrics& m) { return number(m.counters.schedule.unreachable); }},
    {"sluice_queue_jobs_expired", {}, [](const CoreMetrics& m) { return number(m.counters.schedule.expired); }},
    {"sluice_reports", "result=sent", [](const CoreMetrics& m) { return number(m.counters.queue.dsns.sent); }},
    {"sluice_reports", "result=withheld", [](const CoreMetrics& m) { return number(m.counters.queue.dsns.withheld); }},
    {"sluice_events_lost", {}, [](const CoreMetrics& m) { return number(m.counters.events_lost); }},
    {"sluice_cache_lookups", "cache=logins,result=hit",
     [](const CoreMetrics& m) { return number(m.counters.logins.from_cache); }},
    {"sluice_cache_lookups", "cache=logins,result=miss",
     [](const CoreMetrics& m) { return number(m.counters.logins.checks); }},
    {"sluice_cache_lookups", "cache=mx,result=hit", [](const CoreMetrics& m) { return number(m.mx.from_cache); }},
    {"sluice_cache_lookups", "cache=mx,result=miss",
     [](const CoreMetrics& m) { return number(m.mx.look_ups - m.mx.from_cache); }},
    {"sluice_cache_entries", "cache=logins", [](const CoreMetrics& m) { return number(m.credentials); }},
    {"sluice_cache_entries", "cache=mx", [](const CoreMetrics& m) { return number(m.mx.kept); }},
    {"sluice_memory_bytes", "kind=receive_buffers",
     [](const CoreMetrics& m) { return number(m.memory.receive_buffers); }},
    {"sluice_memory_bytes", "kind=messages", [](const CoreMetrics& m) { return number(m.memory.messages); }},
    {"sluice_memory_bytes", "kind=queue", [](const CoreMetrics& m) { return number(m.memory.queue); }},
    {"sluice_memory_bytes", "kind=logins", [](const CoreMetrics& m) { return number(m.memory.credentials); }},
    {"sluice_memory_bytes", "kind=spool_index", [](const CoreMetrics& m) { return number(m.memory.spool_index); }},
    {"sluice_memory_bytes", "kind=tls", [](const CoreMetrics& m) { return number(m.memory.tls); }},
    {"sluice_generations", {}, [](const CoreMetrics& m) { return number(m.counters.generations_live); }},
    {"sluice_core_turns", {}, [](const CoreMetrics& m) { return number(m.counters.loop.turns); }},
    {"sluice_core_completions", {}, [](const CoreMetrics& m) { return number(m.counters.loop.completions); }},
    {"sluice_core_kernel_enters", {}, [](const CoreMetrics& m) { return number(m.counters.enters); }},
    {"sluice_core_sessions_open", {}, [](const CoreMetrics& m) { return number(m.counters.sessions_live); }},
    {"sluice_core_operations_open", {}, [](const CoreMetrics& m) { return number(m.counters.operations_live); }},
    {"sluice_core_receive_buffers_used", {}, [](const CoreMetrics& m) { return number(m.counters.buffers_in_use); }},
    {"sluice_core_receive_buffers_missing",
     {},
     [](const CoreMetrics& m) { return number(m.counters.loop.buffers_missing); }},
    {"sluice_core_heap_blocks",
     {},
     [](const CoreMetrics& m) { return static_cast<double>(m.counters.heap_blocks_live); }},
    {"sluice_core_frames", {}, [](const CoreMetrics& m) { return static_cast<double>(m.counters.frames_live); }},
};

std::vector<metrics::Label> labels_of(std::string_view labels) {
  std::vector<metrics::Label> all;
  while (!labels.empty()) {
    const std::string_view label = labels.substr(0, labels.find(','));
    labels.remove_prefix(std::min(labels.size(), label.size() + 1));
    const std::size_t at = label.find('=');
    all.push_back({.name = label.substr(0, at), .value = std::string(label.substr(at + 1))});
  }
  return all;
}

void add_row(metrics::Family& family, const MetricRow& row, std::span<const CoreMetrics> cores, bool per_core) {
  double sum = 0;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    const double value = row.value(cores[i]);
    sum += value;
    if (per_core) family.samples.push_back({.labels = {{.name = "core", .value = std::to_string(i)}}, .value = value});
  }
  if (!per_core) family.samples.push_back({.labels = labels_of(row.labels), .value = sum});
}

metrics::Family& family_named(std::vector<metrics::Family>& families, std::string_view name) {
  return *std::ranges::find(families, name, &metrics::Family::name);
}

void add_oldest(metrics::Family& family, std::span<const CoreMetrics> cores, std::string_view state,
                std::optional<WallMillis> CoreMetrics::* at) {
  constexpr double kMillisecondsInSecond = 1000;
  std::optional<WallMillis> oldest;
  for (const CoreMetrics& core : cores)
    if (core.*at) oldest = std::min(oldest.value_or(*(core.*at)), *(core.*at));
  if (oldest)
    family.samples.push_back({{{"state", std::string(state)}}, static_cast<double>(*oldest) / kMillisecondsInSecond});
}

void add_queue_routes(metrics::Family& family, std::span<const CoreMetrics> cores) {
  std::map<std::string, std::uint64_t> routes;
  for (const CoreMetrics& core : cores)
    for (const schedule::RouteJobs& each : core.queue_routes) routes[each.route] += each.jobs;
  for (const auto& [name, jobs] : routes)
    family.samples.push_back({.labels = {{.name = "route", .value = name}}, .value = number(jobs)});
}

void add_routes(std::vector<metrics::Family>& families, std::span<const CoreMetrics> cores) {
  std::map<std::string, hop::HostTotals> routes;
  for (const CoreMetrics& core : cores)
    for (const relay::Router::RouteHosts& of_core : core.routes) {
      hop::HostTotals& sum = routes[of_core.route];
      sum.hosts += of_core.totals.hosts;
      sum.failing += of_core.totals.failing;
      sum.live += of_core.totals.live;
      sum.idle += of_core.totals.idle;
    }
  for (const auto& [name, totals] : routes) {
    const metrics::Label label{.name = "route", .value = name};
    family_named(families, "sluice_next_hops").samples.push_back({{label}, number(totals.hosts)});
    family_named(families, "sluice_next_hops_failing").samples.push_back({{label}, number(totals.failing)});
    metrics::Family& connections = family_named(families, "sluice_next_hop_connections");
    connections.samples.push_back({{label, {"state", "idle"}}, number(totals.idle)});
    connections.samples.push_back({{label, {"state", "busy"}}, number(totals.live - totals.idle)});
  }
}

}  // namespace

std::vector<metrics::Family> families_of(std::span<const CoreMetrics> cores) {
  std::vector<metrics::Family> families;
  if (cores.empty()) return families;
  for (const MetricFamily& each : kMetricFamilies) {
    metrics::Family& family = families.emplace_back(
        metrics::Family{.name = each.name, .kind = each.kind, .help = each.help, .samples = {}, .histograms = {}});
    for (const MetricRow& row : kMetricRows)
      if (row.family == each.name) add_row(family, row, cores, each.per_core);
  }
  const bool synced = std::ranges::all_of(cores, [](const CoreMetrics& core) { return core.counters.spool_synced; });
  family_named(families, "sluice_spool_synced").samples = {{.labels = {}, .value = synced ? 1.0 : 0.0}};
  metrics::Family& oldest = family_named(families, "sluice_queue_oldest_message_timestamp_seconds");
  add_oldest(oldest, cores, "queued", &CoreMetrics::oldest_queued);
  add_oldest(oldest, cores, "held", &CoreMetrics::oldest_held);
  add_routes(families, cores);
  add_queue_routes(family_named(families, "sluice_queue_route_jobs"), cores);
  append_named_families(families, cores);
  return families;
}

}  // namespace sluice::server
