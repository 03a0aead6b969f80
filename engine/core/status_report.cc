#include "engine/core/status_report.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/core/json_text.h"
#include "engine/core/table_text.h"

namespace sluice::core {
namespace {

Table sessions_table(std::span<const CoreStatus> cores) {
  Table table{{"core", "id", "client", "listener", "account", "tls", "seconds", "bytes", "message", "waits_for"}, {}};
  for (const CoreStatus& core : cores)
    for (const SessionStatus& s : core.session_list)
      table.rows.push_back({std::uint64_t{core.index}, s.id, s.client, s.listener, s.account, s.tls,
                            s.seconds, s.bytes_received, s.in_transaction ? "yes" : "no",
                            s.waits_for});
  return table;
}

Table pools_table(std::span<const CoreStatus> cores) {
  Table table{{"core", "destination", "host", "live", "idle", "failures", "trouble"}, {}};
  for (const CoreStatus& core : cores)
    for (const auto& [destination, host] : core.hosts)
      table.rows.push_back({std::uint64_t{core.index}, destination, host.label, std::uint64_t{host.live},
                            std::uint64_t{host.idle}, std::uint64_t{host.failures},
                            host.last_trouble});
  return table;
}

struct Counter {
  std::string_view name;
  std::uint64_t (*value)(const CoreStatus&);
};

constexpr Counter kCounters[] = {
    {"sessions", [](const CoreStatus& c) { return c.sessions.sessions; }},
    {"sessions_live", [](const CoreStatus& c) { return std::uint64_t{c.sessions_live}; }},
    {"sessions_refused", [](const CoreStatus& c) { return c.sessions.refused_sessions; }},
    {"accepts_failed", [](const CoreStatus& c) { return c.accepts_failed; }},
    {"handshakes_live", [](const CoreStatus& c) { return std::uint64_t{c.handshakes_live}; }},
    {"tls_handshakes", [](const CoreStatus& c) { return c.sessions.tls_handshakes; }},
    {"tls_failures", [](const CoreStatus& c) { return c.sessions.tls_failures; }},
    {"logins", [](const CoreStatus& c) { return c.sessions.logins; }},
    {"logins_refused", [](const CoreStatus& c) { return c.sessions.logins_refused; }},
    {"logins_from_cache", [](const CoreStatus& c) { return c.logins.from_cache; }},
    {"password_checks", [](const CoreStatus& c) { return c.logins.checks; }},
    {"password_checks_unavailable", [](const CoreStatus& c) { return c.logins.unavailable; }},
    {"messages_taken", [](const CoreStatus& c) { return c.sessions.messages_taken; }},
    {"messages_deferred", [](const CoreStatus& c) { return c.sessions.messages_deferred; }},
    {"messages_refused", [](const CoreStatus& c) { return c.sessions.messages_refused; }},
    {"recipients_taken", [](const CoreStatus& c) { return c.sessions.recipients_taken; }},
    {"recipients_refused", [](const CoreStatus& c) { return c.sessions.recipients_refused; }},
    {"senders_refused", [](const CoreStatus& c) { return c.sessions.senders_refused; }},
    {"refusals", [](const CoreStatus& c) { return c.sessions.refusals; }},
    {"refusals_not_logged", [](const CoreStatus& c) { return c.sessions.refusals_not_logged; }},
    {"bytes_taken", [](const CoreStatus& c) { return c.sessions.bytes_taken; }},
    {"next_hop_connections", [](const CoreStatus& c) { return c.pool.opened; }},
    {"next_hop_reused", [](const CoreStatus& c) { return c.pool.reused; }},
    {"next_hop_failures", [](const CoreStatus& c) { return c.pool.failed; }},
    {"next_hop_waits", [](const CoreStatus& c) { return c.pool.waited; }},
    {"next_hop_refused", [](const CoreStatus& c) { return c.pool.refused; }},
    {"next_hop_tls_given_up", [](const CoreStatus& c) { return c.next_hops_in_clear; }},
    {"next_hop_offers_given_up", [](const CoreStatus& c) { return c.next_hops_lacking; }},
    {"next_hop_given_way", [](const CoreStatus& c) { return c.pool.given_way; }},
    // How many cores answer only for what is on the disk: all of them, or none where spool.durability is "unsynced".
    {"spool_cores_synced", [](const CoreStatus& c) { return std::uint64_t{c.spool_synced ? 1U : 0U}; }},
    {"spool_messages", [](const CoreStatus& c) { return c.spool_messages; }},
    {"spool_disk_bytes", [](const CoreStatus& c) { return c.spool_bytes; }},
    {"spool_live_bytes", [](const CoreStatus& c) { return c.spool_live_bytes; }},
    {"spool_stored", [](const CoreStatus& c) { return c.spool.stored; }},
    {"spool_not_stored", [](const CoreStatus& c) { return c.spool.not_stored; }},
    {"spool_finished", [](const CoreStatus& c) { return c.spool.finished; }},
    {"spool_moved", [](const CoreStatus& c) { return c.spool.moved; }},
    {"spool_segments_begun", [](const CoreStatus& c) { return c.spool_log.segments_begun; }},
    {"spool_segments_recycled", [](const CoreStatus& c) { return c.spool.recycled; }},
    {"spool_writes", [](const CoreStatus& c) { return c.spool_log.batches; }},
    {"spool_writes_failed", [](const CoreStatus& c) { return c.spool_log.failed_batches; }},
    {"spool_records", [](const CoreStatus& c) { return c.spool_log.records; }},
    {"spool_written_bytes", [](const CoreStatus& c) { return c.spool_log.bytes; }},
    {"queue_tries", [](const CoreStatus& c) { return c.queue.tries; }},
    {"queue_recipients_taken", [](const CoreStatus& c) { return c.queue.recipients_taken; }},
    {"queue_recipients_failed", [](const CoreStatus& c) { return c.queue.recipients_failed; }},
    {"queue_recipients_expired", [](const CoreStatus& c) { return c.queue.recipients_expired; }},
    {"queue_finished", [](const CoreStatus& c) { return c.queue.finished; }},
    {"queue_suspensions", [](const CoreStatus& c) { return c.schedule.suspensions; }},
    {"reports", [](const CoreStatus& c) { return c.queue.reports; }},
    {"reports_withheld", [](const CoreStatus& c) { return c.queue.reports_withheld; }},
    {"loop_turns", [](const CoreStatus& c) { return c.loop.turns; }},
    {"loop_completions", [](const CoreStatus& c) { return c.loop.completions; }},
    {"loop_operations", [](const CoreStatus& c) { return c.loop.operations; }},
    {"kernel_enters", [](const CoreStatus& c) { return c.enters; }},
    {"operations_live", [](const CoreStatus& c) { return std::uint64_t{c.operations_live}; }},
    {"receive_buffers_in_use", [](const CoreStatus& c) { return std::uint64_t{c.buffers_in_use}; }},
    {"receive_buffers_missing", [](const CoreStatus& c) { return c.loop.buffers_missing; }},
    {"heap_blocks_live", [](const CoreStatus& c) { return static_cast<std::uint64_t>(c.heap_blocks_live); }},
    {"frames_live", [](const CoreStatus& c) { return static_cast<std::uint64_t>(c.frames_live); }},
};

std::string counters(std::span<const CoreStatus> cores, bool json) {
  constexpr std::size_t kNameWidth = 44;
  std::string out = json ? "{" : "";
  const auto add = [&](std::string_view name, std::uint64_t total) {
    CHECK(name.size() < kNameWidth);
    if (json) {
      out += (out.size() > 1 ? ",\n " : "\n ") + json_string(name) + ": " + std::to_string(total);
    } else {
      out.append(name).append(kNameWidth - name.size(), ' ') += std::to_string(total) + "\n";
    }
  };
  for (const Counter& counter : kCounters) {
    std::uint64_t total = 0;
    for (const CoreStatus& core : cores) total += counter.value(core);
    add(counter.name, total);
  }
  for (std::size_t i = 0; i < session::kEndReasons; ++i) {
    std::uint64_t total = 0;
    for (const CoreStatus& core : cores) total += core.sessions.ended[i];
    add("session_ended_" + std::string(session::end_reason_row(static_cast<session::EndReason>(i)).name), total);
  }
  return json ? out + "\n}\n" : out;
}

Table status_table(std::span<const CoreStatus> cores) {
  Table table{{"core", "state", "sessions", "deliveries", "taken", "deferred", "refused", "next_hop_live", "next_hop_idle", "waiting",
               "queued", "spool"},
              {}};
  for (const CoreStatus& core : cores) {
    std::uint64_t live = 0;
    std::uint64_t idle = 0;
    for (const auto& [destination, host] : core.hosts) {
      live += host.live;
      idle += host.idle;
    }
    table.rows.push_back({std::uint64_t{core.index}, core.draining ? "draining" : "running",
                          std::uint64_t{core.sessions_live}, core.deliveries,
                          core.sessions.messages_taken, core.sessions.messages_deferred,
                          core.sessions.messages_refused, live, idle, std::uint64_t{core.waiting}, core.spool_messages,
                          core.spool_accepting ? "accepts" : core.spool_trouble});
  }
  return table;
}

}  // namespace

std::string report(StatusView view, std::span<const CoreStatus> cores, bool json) {
  switch (view) {
    case StatusView::counters: return counters(cores, json);
    case StatusView::sessions: {
      const Table table = sessions_table(cores);
      return json ? as_json(table) : as_text(table);
    }
    case StatusView::pools: {
      const Table table = pools_table(cores);
      return json ? as_json(table) : as_text(table);
    }
    case StatusView::status: break;
  }
  const Table table = status_table(cores);
  return json ? as_json(table) : as_text(table);
}

}  // namespace sluice::core
