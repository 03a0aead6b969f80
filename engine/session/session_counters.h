// What the sessions of one core count.
#pragma once

#include <array>
#include <cstdint>

#include "engine/session/end_reason.h"

namespace sluice::session {

// Of one core; its thread only.  Messages, recipients and bytes since the start.
struct SessionCounters {
  std::uint64_t sessions = 0;
  std::uint64_t refused_sessions = 0;  // before the greeting
  std::array<std::uint64_t, kEndReasons> ended{};
  std::uint64_t tls_handshakes = 0;
  std::uint64_t tls_failures = 0;
  std::uint64_t logins = 0;
  std::uint64_t logins_refused = 0;
  std::uint64_t messages_taken = 0;
  std::uint64_t messages_refused = 0;   // 5xx after the envelope
  std::uint64_t messages_deferred = 0;  // 4xx after the envelope
  std::uint64_t recipients_taken = 0;
  std::uint64_t recipients_refused = 0;
  std::uint64_t senders_refused = 0;  // MAIL or From not theirs
  std::uint64_t refusals = 0;         // of commands
  std::uint64_t refusals_not_logged = 0;
  std::uint64_t bytes_taken = 0;
};

}  // namespace sluice::session
