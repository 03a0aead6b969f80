// How a session ends, and the log's lines of that and of the commands that were refused.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "engine/session/session.h"

namespace sluice::session {
namespace {

constexpr std::size_t kLoggedArgumentBytesMax = 300;
// How long a client has to read our last reply and close: see Connection::finish().
constexpr Duration kLinger = std::chrono::seconds(2);

// Refused before there was a session to speak of.
bool refused_at_the_door(EndReason reason) {
  return reason >= EndReason::sessions_per_core && reason <= EndReason::proxy_header;
}

}  // namespace

// ------------------------------------------------------------------------------------------ asked for

void Session::end_soon(EndReason reason) {
  if (ending_) return;
  ending_ = reason;
  if (turn_ != nullptr) std::exchange(turn_, nullptr)->set();
  if (!in_content()) {
    const bool grace = reason == EndReason::shutting_down && transaction_ != nullptr;
    end_at_ = later(services_.loop.now(), grace ? kDrainGrace : Duration::zero());
  }
  switch (wait_) {
    case Wait::proxy_header:
    case Wait::handshake:
      // Nothing can be said there, and nothing is lost.
      connection_->terminate();
      break;
    case Wait::greeting:
    case Wait::command:
      connection_->wake();
      break;
    case Wait::content:
    case Wait::nothing:
      break;
  }
}

void Session::contain() {
  contained_ = true;
  cut_off(EndReason::ended_by_operator);
}

void Session::cut_off(EndReason reason) {
  if (cut_off_) return;
  end_soon(reason);
  cut_off_ = true;
  end_at_ = services_.loop.now();
  if (wait_ == Wait::command || wait_ == Wait::content) connection_->wake();
  if (refusal_delay_ != nullptr) std::exchange(refusal_delay_, nullptr)->set();
}

bool Session::end_is_due() const { return ending_ && (transaction_ == nullptr || services_.loop.now() >= end_at_); }

bool Session::in_content() const {
  if (!machine_) return false;
  return machine_->state() == smtp::ServerState::content || machine_->state() == smtp::ServerState::chunks;
}

// ------------------------------------------------------------------------------------------ ending

// Whether what is written now reaches the client as SMTP.
bool Session::can_reply() const {
  if (connection_->state() != net::Connection::State::open) return false;
  const tls::TlsSession* tls = connection_->tls();
  return tls != nullptr ? tls->state() == tls::TlsState::open : !rules_->profile.implicit_tls;
}

// The first reason stays.
void Session::end(EndReason reason, std::string_view detail) {
  if (ended_) return;
  ended_ = reason;
  end_detail_ = detail;
  const smtp::StandardReply* reply = end_reason_row(reason).reply;
  if (reply == nullptr || !can_reply()) return;
  // In place of the 220 that was to come.
  if (machine_->state() == smtp::ServerState::tls) out_.resize(mark_);
  machine_->close(*reply, writer_);
}

// A client that said QUIT, in the clear and nothing behind it, has no more to send: two operations less for the most
// frequent end.  In TLS its close_notify still comes.
Duration Session::linger() const {
  const bool all_said = ended_ == EndReason::quit && connection_->tls() == nullptr && connection_->input().empty();
  return all_said ? Duration::zero() : kLinger;
}

void Session::end_by(net::IoStatus status, EndReason late) {
  const bool content = in_content();
  switch (status) {
    case net::IoStatus::ok:
      return;
    case net::IoStatus::timed_out:
      return end(late);
    case net::IoStatus::cancelled:
      return end(ending_.value_or(EndReason::shutting_down));
    case net::IoStatus::end:
      return end(content ? EndReason::content_cut_off : EndReason::client_closed);
    case net::IoStatus::failed:
      break;
  }
  const tls::TlsSession* tls = connection_->tls();
  if (tls != nullptr && !tls->error().empty()) return end(EndReason::tls_failed, tls->error());
  const int error = connection_->error();
  end(content ? EndReason::content_cut_off : EndReason::connection_lost,
      error != 0 ? std::strerror(error) : "connection failed");
}

void Session::observe_end() {
  CHECK(ended_);
  const EndReasonRow& row = end_reason_row(*ended_);
  ++services_.counters.ended[static_cast<std::size_t>(*ended_)];
  if (refused_at_the_door(*ended_)) ++services_.counters.refused_sessions;
  const smtp::StandardReply* said = machine_->closed_with();
  const tls::TlsSession* tls = connection_->tls();
  const bool stranger = identity_ == nullptr && !is_trusted_ && messages_ == 0;
  EndRecord record{.reason = *ended_,
                   .lines_max = stranger ? row.lines_max : std::uint8_t{0},
                   .listener = rules_->name,
                   .client = connection_->peer(),
                   .helo = machine_->hello_name(),
                   .tls = tls != nullptr ? tls->version() : "",
                   .code = said != nullptr ? said->code : std::uint16_t{0},
                   .detail = end_detail_,
                   .bytes_received = connection_->counters().bytes_received,
                   .bytes_sent = connection_->counters().bytes_sent,
                   .messages = messages_,
                   .refusals = refusals_,
                   .refusals_not_logged = refusals_not_logged_,
                   .lasted = services_.loop.now() - since_};
  if (*ended_ == EndReason::quit) record.code = smtp::replies::kGoodbye.code;
  if (identity_ != nullptr) {
    record.customer = identity_->customer_name;
    record.account = identity_->account_name;
  }
  if (transaction_ != nullptr) {
    record.id = transaction_->envelope().id;
    record.content_bytes = transaction_->bytes();
  }
  services_.observer.ended(record);
}

// ------------------------------------------------------------------------------------------ refusals

// Every id that a client is shown is in the log, so there is none to tell where there is no line left for it but one
// that was written before.
std::string Session::refusal_id() {
  if (!lines_.ready(services_.loop.now())) return session_id_;
  if (transaction_ != nullptr) return transaction_->envelope().id;
  if (session_id_.empty()) session_id_ = services_.ids.next();
  return session_id_;
}

std::string Session::refused(const smtp::StandardReply& reply) {
  std::string id = refusal_id();
  log_refused_line(reply, id);
  return id;
}

// Of the command that the machine is at, or that is being answered.
void Session::log_refused_line(const smtp::Reply& reply, std::string_view id) {
  if (line_.empty()) return log_refusal(reply, id, answering_.command, answering_.argument, answering_.detail);
  // What answers a challenge is a secret, and what is no command may be one.
  if (secret_) return log_refusal(reply, id, "AUTH", {});
  const smtp::Command command = smtp::parse_command(line_.substr(0, line_.find_first_of("\r\n")));
  if (command.verb == smtp::Verb::unknown) return log_refusal(reply, id, {}, {});
  const bool shown = command.verb == smtp::Verb::mail || command.verb == smtp::Verb::rcpt;
  log_refusal(reply, id, smtp::command_spec(command.verb).name, shown ? command.argument : std::string_view());
}

void Session::log_refusal(const smtp::Reply& reply, std::string_view id, std::string_view command,
                          std::string_view argument, std::string_view detail) {
  ++refusals_;
  ++services_.counters.refusals;
  const Instant now = services_.loop.now();
  if (!lines_.ready(now)) {
    ++refusals_not_logged_;
    ++not_logged_since_;
    ++services_.counters.refusals_not_logged;
    return;
  }
  lines_.written(now);
  RefusalRecord record{.id = id,
                       .listener = rules_->name,
                       .client = connection_->peer().ip(),
                       .helo = machine_->hello_name(),
                       .command = command,
                       .argument = argument.substr(0, kLoggedArgumentBytesMax),
                       .code = reply.code(),
                       .reason = smtp::reason_name(reply.name()),
                       .reply = reply.text(),
                       .detail = detail,
                       .not_logged = std::exchange(not_logged_since_, 0)};
  if (record.reason.empty()) record.reason = reply.permanent() ? "refused" : "deferred";
  if (identity_ != nullptr) {
    record.customer = identity_->customer_name;
    record.account = identity_->account_name;
  }
  services_.observer.refused(record);
}

}  // namespace sluice::session
