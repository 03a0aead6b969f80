#include "engine/server/counters.h"

namespace sluice::server {
namespace {

struct Row {
  std::string_view name;
  std::uint64_t (*value)(const CoreCounters&);
};

using dkim::Algorithm;

std::uint64_t signatures(const std::array<std::uint64_t, signing::SigningCounters::kAlgorithms>& of,
                         Algorithm algorithm) {
  return of[static_cast<std::size_t>(algorithm)];
}

constexpr Row kRows[] = {
    {"sessions", [](const CoreCounters& c) { return c.sessions.sessions; }},
    {"sessions_live", [](const CoreCounters& c) { return std::uint64_t{c.sessions_live}; }},
    {"sessions_refused", [](const CoreCounters& c) { return c.sessions.refused_sessions; }},
    {"accepts_failed", [](const CoreCounters& c) { return c.accepts_failed; }},
    // Of configurations: one a core, and each older one by which sessions or deliveries still go on.
    {"generations_live", [](const CoreCounters& c) { return c.generations_live; }},
    {"handshakes_live", [](const CoreCounters& c) { return std::uint64_t{c.handshakes_live}; }},
    {"tls_handshakes", [](const CoreCounters& c) { return c.sessions.tls_handshakes; }},
    {"tls_failures", [](const CoreCounters& c) { return c.sessions.tls_failures; }},
    {"logins", [](const CoreCounters& c) { return c.sessions.logins; }},
    {"logins_refused", [](const CoreCounters& c) { return c.sessions.logins_refused; }},
    {"logins_from_cache", [](const CoreCounters& c) { return c.logins.from_cache; }},
    {"password_checks", [](const CoreCounters& c) { return c.logins.checks; }},
    {"password_checks_unavailable", [](const CoreCounters& c) { return c.logins.unavailable; }},
    {"logins_in_grace", [](const CoreCounters& c) { return c.logins.in_grace; }},
    {"mailboxes_asked", [](const CoreCounters& c) { return c.mailboxes.asked; }},
    {"mailboxes_untold", [](const CoreCounters& c) { return c.mailboxes.untold; }},
    {"devices_revoked", [](const CoreCounters& c) { return c.mailboxes.devices_revoked; }},
    {"shield_refused_address", [](const CoreCounters& c) { return c.logins.refused_by_address; }},
    {"shield_refused_network", [](const CoreCounters& c) { return c.logins.refused_by_network; }},
    {"shield_slowed_account", [](const CoreCounters& c) { return c.logins.slowed_by_account; }},
    {"shield_slowed_overall", [](const CoreCounters& c) { return c.logins.slowed_overall; }},
    {"messages_taken", [](const CoreCounters& c) { return c.sessions.messages_taken; }},
    {"messages_deferred", [](const CoreCounters& c) { return c.sessions.messages_deferred; }},
    {"messages_refused", [](const CoreCounters& c) { return c.sessions.messages_refused; }},
    {"recipients_taken", [](const CoreCounters& c) { return c.sessions.recipients_taken; }},
    {"recipients_refused", [](const CoreCounters& c) { return c.sessions.recipients_refused; }},
    {"senders_refused", [](const CoreCounters& c) { return c.sessions.senders_refused; }},
    {"refusals", [](const CoreCounters& c) { return c.sessions.refusals; }},
    {"refusals_not_logged", [](const CoreCounters& c) { return c.sessions.refusals_not_logged; }},
    {"bytes_taken", [](const CoreCounters& c) { return c.sessions.bytes_taken; }},
    {"next_hop_connections", [](const CoreCounters& c) { return c.hops.opened; }},
    {"next_hop_reused", [](const CoreCounters& c) { return c.hops.reused; }},
    {"next_hop_failures", [](const CoreCounters& c) { return c.hops.failed; }},
    {"next_hop_waits", [](const CoreCounters& c) { return c.hops.waited; }},
    {"next_hop_refused", [](const CoreCounters& c) { return c.hops.refused; }},
    {"next_hop_tls_given_up", [](const CoreCounters& c) { return c.next_hops_in_clear; }},
    {"next_hop_offers_given_up", [](const CoreCounters& c) { return c.next_hops_lacking; }},
    {"next_hop_given_way", [](const CoreCounters& c) { return c.hops.given_way; }},
    {"signatures_rsa", [](const CoreCounters& c) { return signatures(c.signing.made, Algorithm::rsa_sha256); }},
    {"signatures_ed25519", [](const CoreCounters& c) { return signatures(c.signing.made, Algorithm::ed25519_sha256); }},
    {"signatures_failed",
     [](const CoreCounters& c) {
       return signatures(c.signing.failed, Algorithm::rsa_sha256) +
              signatures(c.signing.failed, Algorithm::ed25519_sha256);
     }},
    {"signatures_broken_before", [](const CoreCounters& c) { return c.signing.broken_before; }},
    {"signing_hashed_coming_bytes", [](const CoreCounters& c) { return c.signing.hashed_coming; }},
    {"signing_hashed_sending_bytes", [](const CoreCounters& c) { return c.signing.hashed_sending; }},
    {"messages_without_key", [](const CoreCounters& c) { return c.signing.without_key + c.signing.without_key_now; }},
    // How many cores answer only for what is on the disk: all of them, or none where spool.durability is "unsynced".
    {"spool_cores_synced", [](const CoreCounters& c) { return std::uint64_t{c.spool_synced ? 1U : 0U}; }},
    {"spool_messages", [](const CoreCounters& c) { return c.spool_messages; }},
    {"spool_disk_bytes", [](const CoreCounters& c) { return c.spool_bytes; }},
    {"spool_live_bytes", [](const CoreCounters& c) { return c.spool_live_bytes; }},
    {"spool_stored", [](const CoreCounters& c) { return c.spool.stored; }},
    {"spool_not_stored", [](const CoreCounters& c) { return c.spool.not_stored; }},
    {"spool_finished", [](const CoreCounters& c) { return c.spool.finished; }},
    {"spool_moved", [](const CoreCounters& c) { return c.spool.moved; }},
    {"spool_segments_begun", [](const CoreCounters& c) { return c.spool_log.segments_begun; }},
    {"spool_segments_recycled", [](const CoreCounters& c) { return c.spool.recycled; }},
    {"spool_writes", [](const CoreCounters& c) { return c.spool_log.batches; }},
    {"spool_writes_failed", [](const CoreCounters& c) { return c.spool_log.failed_batches; }},
    {"spool_records", [](const CoreCounters& c) { return c.spool_log.records; }},
    {"spool_written_bytes", [](const CoreCounters& c) { return c.spool_log.bytes; }},
    {"spool_read_bytes", [](const CoreCounters& c) { return c.spool.read_bytes; }},
    {"queue_tries", [](const CoreCounters& c) { return c.queue.tries; }},
    {"queue_recipients_taken", [](const CoreCounters& c) { return c.queue.recipients_taken; }},
    {"queue_recipients_failed", [](const CoreCounters& c) { return c.queue.recipients_failed; }},
    {"queue_recipients_expired", [](const CoreCounters& c) { return c.queue.recipients_expired; }},
    {"queue_finished", [](const CoreCounters& c) { return c.queue.finished; }},
    {"queue_suspensions", [](const CoreCounters& c) { return c.schedule.suspensions; }},
    {"reports", [](const CoreCounters& c) { return c.queue.dsns.sent; }},
    {"reports_withheld", [](const CoreCounters& c) { return c.queue.dsns.withheld; }},
    {"events_lost", [](const CoreCounters& c) { return c.events_lost; }},
    {"loop_turns", [](const CoreCounters& c) { return c.loop.turns; }},
    {"loop_completions", [](const CoreCounters& c) { return c.loop.completions; }},
    {"loop_operations", [](const CoreCounters& c) { return c.loop.operations; }},
    {"kernel_enters", [](const CoreCounters& c) { return c.enters; }},
    {"operations_live", [](const CoreCounters& c) { return std::uint64_t{c.operations_live}; }},
    {"receive_buffers_in_use", [](const CoreCounters& c) { return std::uint64_t{c.buffers_in_use}; }},
    {"receive_buffers_missing", [](const CoreCounters& c) { return c.loop.buffers_missing; }},
    {"heap_blocks_live", [](const CoreCounters& c) { return static_cast<std::uint64_t>(c.heap_blocks_live); }},
    {"frames_live", [](const CoreCounters& c) { return static_cast<std::uint64_t>(c.frames_live); }},
};

}  // namespace

std::vector<control::Counter> named(const CoreCounters& counters) {
  std::vector<control::Counter> all;
  all.reserve(std::size(kRows) + session::kEndReasons);
  for (const Row& row : kRows) all.push_back({std::string(row.name), row.value(counters)});
  for (std::size_t i = 0; i < session::kEndReasons; ++i) {
    const std::string_view reason = session::end_reason_row(static_cast<session::EndReason>(i)).name;
    all.push_back({"session_ended_" + std::string(reason), counters.sessions.ended[i]});
  }
  return all;
}

}  // namespace sluice::server
