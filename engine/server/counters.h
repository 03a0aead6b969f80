// The counters of a core, gathered from its parts, and the one table of their names: a new counter is a row there.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "auth/backend/mailbox_watch.h"
#include "engine/control/status.h"
#include "engine/io/loop.h"
#include "engine/relay/queue.h"
#include "engine/session/session_counters.h"
#include "engine/spool/spool.h"
#include "policy/limit_counters.h"

namespace sluice::server {

struct CoreCounters {
  session::SessionCounters sessions;
  std::uint64_t accepts_failed = 0;
  std::uint64_t generations_live = 1;
  std::uint32_t handshakes_live = 0;
  hop::HopCounters hops;
  std::uint64_t next_hops_in_clear = 0;  // times that a host's TLS was given up, and that
  std::uint64_t next_hops_lacking = 0;   // something else that it offers was
  signing::SigningCounters signing;
  relay::QueueCounters queue;
  schedule::ScheduleCounters schedule;
  spool::SpoolCounters spool;
  spool::LogCounters spool_log;
  std::uint64_t spool_messages = 0;
  std::uint64_t spool_bytes = 0;       // on the disk
  std::uint64_t spool_live_bytes = 0;  // of messages that wait
  bool spool_synced = true;
  auth::AuthenticatorCounters logins;
  auth::MailboxCounters mailboxes;
  policy::LimitCounters limits;
  std::uint64_t events_lost = 0;  // no consumer has seen them
  io::LoopCounters loop;
  std::uint64_t enters = 0;
  std::uint32_t sessions_live = 0;
  std::uint32_t operations_live = 0;
  std::uint32_t buffers_in_use = 0;
  std::int64_t heap_blocks_live = 0;
  std::int64_t frames_live = 0;
};

// In the order in which they are shown.
[[nodiscard]] std::vector<control::Counter> named(const CoreCounters& counters);

}  // namespace sluice::server
