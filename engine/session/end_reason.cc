#include "engine/session/end_reason.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"

namespace sluice::session {
namespace {

namespace replies = smtp::replies;

constexpr std::uint8_t kOneLine = 1;
constexpr std::uint8_t kSomeLines = 10;

// RFC 5321 3.8: a server that closes unasked says 421 first, wherever it can.
constexpr std::array<EndReasonRow, kEndReasons> kRows{{
    {EndReason::quit, "quit"},
    {EndReason::client_closed, "client_closed", nullptr, kSomeLines},
    {EndReason::content_cut_off, "content_cut_off"},
    {EndReason::connection_lost, "connection_lost", nullptr, kSomeLines},
    {EndReason::sessions_per_core, "sessions_per_core", &replies::kBusy, kOneLine},
    {EndReason::sessions_per_address, "sessions_per_address", &replies::kTooManyConnections, kOneLine},
    {EndReason::network_contained, "network_contained", &replies::kNetworkContained, kOneLine},
    {EndReason::early_talker, "early_talker", &replies::kEarlyTalker, kSomeLines},
    {EndReason::proxy_header, "proxy_header", nullptr, kSomeLines},
    {EndReason::handshake_failed, "handshake_failed", nullptr, kSomeLines},
    {EndReason::handshake_timeout, "handshake_timeout", nullptr, kOneLine},
    {EndReason::handshake_closed, "handshake_closed", nullptr, kOneLine},
    {EndReason::handshakes_per_core, "handshakes_per_core", &replies::kTooManyHandshakesHere, kOneLine},
    {EndReason::handshakes_per_address, "handshakes_per_address", &replies::kTooManyHandshakes, kOneLine},
    {EndReason::plaintext_in_handshake, "plaintext_in_handshake", nullptr, kSomeLines},
    {EndReason::tls_in_clear, "tls_in_clear", &replies::kTlsInClear, kSomeLines},
    {EndReason::tls_failed, "tls_failed"},
    {EndReason::idle_timeout, "idle_timeout", &replies::kIdleTooLong},
    {EndReason::login_timeout, "login_timeout", &replies::kLoginTooLate, kSomeLines},
    {EndReason::command_timeout, "command_timeout", &replies::kCommandTooSlow},
    {EndReason::content_timeout, "content_timeout", &replies::kContentStopped},
    {EndReason::content_too_slow, "content_too_slow", &replies::kContentTooSlow},
    {EndReason::reply_timeout, "reply_timeout"},
    {EndReason::too_many_errors, "too_many_errors", &replies::kTooManyErrors},
    {EndReason::too_many_idle_commands, "too_many_idle_commands", &replies::kTooManyIdleCommands},
    {EndReason::too_many_refused_recipients, "too_many_refused_recipients", &replies::kTooManyRefusedRecipients},
    {EndReason::too_many_auth_failures, "too_many_auth_failures", &replies::kTooManyAuthFailures},
    {EndReason::endless_line, "endless_line", &replies::kEndlessLine},
    {EndReason::content_surplus, "content_surplus", &replies::kContentSurplus},
    {EndReason::out_of_step, "out_of_step", &replies::kOutOfStep},
    {EndReason::account_changed, "account_changed", &replies::kAccountChanged},
    {EndReason::ended_by_operator, "ended_by_operator", &replies::kEndedByOperator},
    {EndReason::shutting_down, "shutting_down", &replies::kShuttingDown},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].reason) != i || kRows[i].name.empty()) return false;
  return true;
}
static_assert(in_order());

// One reply, one meaning.
constexpr bool replies_differ() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    for (std::size_t k = i + 1; k < kRows.size(); ++k)
      if (kRows[i].reply != nullptr && kRows[i].reply == kRows[k].reply) return false;
  return true;
}
static_assert(replies_differ());

}  // namespace

const EndReasonRow& end_reason_row(EndReason reason) { return kRows[static_cast<std::size_t>(reason)]; }

EndReason end_reason_of(const smtp::StandardReply& reply) {
  const auto found = std::ranges::find(kRows, &reply, &EndReasonRow::reply);
  CHECK(found != kRows.end());
  return found->reason;
}

}  // namespace sluice::session
