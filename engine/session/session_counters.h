// What the sessions of one core count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/span_histogram.h"
#include "engine/base/tls_counts.h"
#include "engine/session/auth_result.h"
#include "engine/session/end_reason.h"

namespace sluice::session {

// Attempts to log in, by result: that was told to the client; and how long they took, from AUTH to the reply.
struct LoginCounters {
  using ByResult = std::array<std::uint64_t, kAuthResults>;
  std::vector<ByResult> by_source;  // by Answer::source, as far as there were any
  std::array<StageTimes, kAuthResults> took;

  void add(AuthResult result, std::size_t source) {
    if (source >= by_source.size()) by_source.resize(source + 1);
    ++by_source[source][static_cast<std::size_t>(result)];
  }
  void add_time(AuthResult result, Duration span) { took[static_cast<std::size_t>(result)].observe(span); }
};

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
  LoginCounters by_login;
  StageTimes policy;   // what limits leave room for of a command's recipients
  StageTimes content;  // from the first byte of a message's content to its 250
  TlsCounts tls;       // of clients
};

}  // namespace sluice::session
