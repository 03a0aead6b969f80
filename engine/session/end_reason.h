// Why a session ended: every way there is, with the name that log and counters have for it and its reply to the client,
// in one table.  Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/smtp/reply.h"

namespace sluice::session {

enum class EndReason : std::uint8_t {
  // The client's own doing.
  quit,
  client_closed,    // between two commands
  content_cut_off,  // in the middle of a message: after DATA, or in BDAT
  connection_lost,  // a reset, or the network
  // Refused before the greeting.
  sessions_per_core,
  sessions_per_address,
  network_contained,  // by the operator
  early_talker,
  proxy_header,
  // TLS.
  handshake_failed,
  handshake_timeout,
  handshake_closed,
  handshakes_per_core,
  handshakes_per_address,
  plaintext_in_handshake,  // what came behind STARTTLS was no TLS: commands that were to be taken for protected ones
  tls_in_clear,            // a ClientHello where SMTP was due
  tls_failed,              // a record that is no good
  // Time.
  idle_timeout,
  login_timeout,
  command_timeout,  // a command that was begun
  content_timeout,
  content_too_slow,
  reply_timeout,  // for the client to read
  // Excess.
  too_many_errors,
  too_many_idle_commands,
  too_many_refused_recipients,
  too_many_auth_failures,
  endless_line,
  content_surplus,
  out_of_step,  // commands cannot be distinguished from content
  // Ours.
  account_changed,
  ended_by_operator,
  shutting_down,
};
inline constexpr std::size_t kEndReasons = static_cast<std::size_t>(EndReason::shutting_down) + 1;

struct EndReasonRow {
  EndReason reason{};
  std::string_view name;
  const smtp::StandardReply* reply = nullptr;  // null: nothing can be said, or the client has left
  // Where strangers can make it happen as often as they like: so many lines of the log about a burst of it from one
  // address, and then a count.  0: a line each time.
  std::uint8_t lines_max = 0;
};

[[nodiscard]] const EndReasonRow& end_reason_row(EndReason reason);
// For what the machine closed with: `reply` is one of the table's.
[[nodiscard]] EndReason end_reason_of(const smtp::StandardReply& reply);

}  // namespace sluice::session
