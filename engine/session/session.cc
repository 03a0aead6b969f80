#include "engine/session/session.h"

#include <algorithm>
#include <utility>

#include "engine/net/proxy_protocol.h"
#include "engine/session/sender_refusal.h"

namespace sluice::session {
namespace {

// A client that does not read its replies is not read from either.
constexpr std::size_t kUnsentRepliesMax = 64 * 1024;
// Partial lines longer than this are refused by the machine, so more never has to be contiguous.
constexpr std::size_t kLineBytesMax = smtp::kAuthLineBytesMax + 2;

bool in_any(const std::vector<Network>& networks, const io::Address& address) {
  return std::ranges::any_of(networks,
                             [&](const Network& n) { return n.contains(address.ip_bytes()); });
}

}  // namespace

Session::Session(Services& services, std::shared_ptr<const ListenerRules> rules,
                 std::unique_ptr<net::Connection> connection)
    : services_(services),
      rules_(std::move(rules)),
      connection_(std::move(connection)),
      since_(services.loop.now()) {
  ++services_.counters.sessions;
}

Session::~Session() { CHECK(transaction_ == nullptr); }

Task<void> Session::run() {
  if (co_await open() == Next::go_on) co_await talk();
  co_await end_transaction();
  flush();
  co_await connection_->drained(0, rules_->reply_timeout, "last reply to be read");
  connection_->say_goodbye();
  co_await connection_->close();
}

// ------------------------------------------------------------------------------------------ opening

Task<Session::Next> Session::open() {
  if (in_any(rules_->proxy, connection_->peer()) && co_await read_proxy_header() == Next::end)
    co_return Next::end;
  is_trusted_ = in_any(rules_->trusted, connection_->peer());
  machine_.emplace(is_trusted_ ? rules_->trusted_profile : rules_->profile,
                   rules_->profile.implicit_tls);
  if (rules_->profile.implicit_tls) {
    if (co_await handshake() == Next::end) co_return Next::end;
  } else {
    // RFC 5321 3.1: the client waits for the greeting; one that does not is no mail client.  Without a delay it is not
    // looked for: what came in one segment with a PROXY header is answered after the greeting.
    const bool delayed = rules_->greet_delay > Duration::zero();
    if (delayed && connection_->input().empty())
      co_await connection_->more(rules_->greet_delay, "early talkers");
    if (delayed && !connection_->input().empty()) {
      machine_->refuse(smtp::replies::kEarlyTalker, writer_);
      ++services_.counters.refused_sessions;
      services_.observer.ended(rules_->name, connection_->peer(), "spoke before the greeting");
      co_return Next::end;
    }
  }
  machine_->greet(writer_);
  co_return Next::go_on;
}

Task<Session::Next> Session::read_proxy_header() {
  Chain& input = connection_->input();
  const Instant deadline = services_.loop.now() + rules_->handshake_timeout;
  for (;;) {
    const std::size_t size = std::min(input.size(), net::kProxyBytesMax);
    const net::ProxyHeader header = net::parse_proxy(input.flatten_front(size));
    if (header.result == net::ProxyResult::done) {
      if (header.has_addresses) connection_->set_peer(header.source);
      input.consume(header.consumed);
      const std::size_t peek = std::min<std::size_t>(input.size(), 16);
      if (!net::starts_like_proxy(input.flatten_front(peek))) co_return Next::go_on;
    }
    const Duration left = deadline - services_.loop.now();
    if (header.result != net::ProxyResult::need_more || left <= Duration::zero() ||
        co_await connection_->more(left, "PROXY header") != net::IoStatus::ok) {
      ++services_.counters.refused_sessions;
      services_.observer.ended(rules_->name, connection_->peer(),
                               *header.error != 0 ? header.error : "no PROXY header");
      co_return Next::end;
    }
  }
}

Task<Session::Next> Session::handshake() {
  ++services_.counters.tls_handshakes;
  CHECK(rules_->tls != nullptr);
  const net::IoStatus status =
      co_await connection_->start_tls_server(*rules_->tls, rules_->handshake_timeout);
  if (status == net::IoStatus::ok) co_return Next::go_on;
  ++services_.counters.tls_failures;
  std::string why("TLS: ");
  const std::string_view error = connection_->tls()->error();
  why += error.empty() ? net::io_status_text(status) : error;
  services_.observer.ended(rules_->name, connection_->peer(), why);
  co_return Next::end;
}

// ------------------------------------------------------------------------------------------ the dialog

Task<void> Session::talk() {
  for (;;) {
    const smtp::Step taken = step();
    if (taken.event == smtp::Event::recipient) on_recipient();  // views hold until consumed
    if (taken.event == smtp::Event::mail) on_mail();
    connection_->input().consume(taken.consumed);
    if (co_await on_event(taken.event) == Next::end) co_return;
    if (out_.size() > 2048 && co_await flush_bounded() == Next::end) co_return;
  }
}

// Gives the machine what is contiguous, and more if a line goes on in the next extent.
smtp::Step Session::step() {
  Chain& input = connection_->input();
  smtp::Step taken = machine_->step(input.front(), writer_);
  if (taken.event == smtp::Event::need_more && taken.consumed == 0 && input.extents() > 1)
    taken = machine_->step(input.flatten_front(std::min(input.size(), kLineBytesMax)), writer_);
  return taken;
}

Task<Session::Next> Session::on_event(smtp::Event event) {
  switch (event) {
    case smtp::Event::replied:
    case smtp::Event::mail:       // dealt with in talk()
    case smtp::Event::recipient:  // likewise; answered once no further recipient follows
      co_return Next::go_on;
    case smtp::Event::need_more:
      co_return co_await need_more();
    case smtp::Event::hello:
    case smtp::Event::reset:
      co_await end_transaction();
      co_return Next::go_on;
    case smtp::Event::need_answers:
      co_await answer_recipients();
      co_return Next::go_on;
    case smtp::Event::data:
      co_return co_await on_data();
    case smtp::Event::chunk:
      co_return co_await on_chunk();
    case smtp::Event::start_tls:
      co_return co_await on_start_tls();
    case smtp::Event::auth:
      co_await on_auth();
      co_return Next::go_on;
    case smtp::Event::auth_response:
      co_await on_auth_response();
      co_return Next::go_on;
    case smtp::Event::auth_cancelled:
      sasl_ = nullptr;
      co_return Next::go_on;
    case smtp::Event::close:
      services_.observer.ended(rules_->name, connection_->peer(), "too many errors");
      co_return Next::end;
    case smtp::Event::quit:
      co_return Next::end;
  }
  co_return Next::end;
}

Task<Session::Next> Session::need_more() {
  if (machine_->outstanding() > 0) {
    co_await answer_recipients();
    co_return Next::go_on;
  }
  Chain& input = connection_->input();
  // What is left of a line must not pin receive buffers.
  if (!input.empty() && input.pinned() > 4 * input.size()) input.compact();
  if (draining_ && transaction_ == nullptr) {
    say_and_close(smtp::replies::kShuttingDown, "shutting down");
    co_return Next::end;
  }
  waiting_ = transaction_ == nullptr;
  const Next next = co_await receive(patience(), "a command");
  waiting_ = false;
  co_return next;
}

Duration Session::patience() const {
  if (machine_->authenticated() || is_trusted_) return rules_->idle_timeout;
  const Duration left = since_ + rules_->unauthenticated_timeout - services_.loop.now();
  return std::clamp(left, Duration::zero(), rules_->idle_timeout);
}

void Session::drain() {
  draining_ = true;
  if (waiting_) connection_->wake();
}

std::optional<policy::SenderRights> Session::rights() const {
  if (identity_ != nullptr) return policy::SenderRights(*identity_);
  if (is_trusted_) return policy::SenderRights(rules_->trusted_rights);
  return std::nullopt;
}

void Session::on_mail() {
  const smtp::MailCommand& mail = machine_->mail();
  const auto rights = this->rights();
  if (!rights) {
    // The machine asks for a login first; a profile that does not must trust the network.
    machine_->answer_mail(smtp::replies::kAuthRequired, writer_);
    return;
  }
  if (const smtp::StandardReply* refusal = services_.takers.refusal()) {
    machine_->answer_mail(*refusal, writer_);
    return;
  }
  message::Envelope envelope;
  envelope.id = services_.ids.next();
  const smtp::Mailbox& mailbox = mail.path.mailbox;
  std::optional<policy::Mailbox> sender;
  if (!mail.path.null()) sender = policy::Mailbox{mailbox.local_part, mailbox.domain};
  const policy::SenderDecision decision = policy::check_reverse_path(*rights, sender, envelope.id);
  if (!decision.allowed()) {
    ++services_.counters.senders_refused;
    machine_->answer_mail(sender_refusal(decision, rules_->profile.policy_url), writer_);
    return;
  }
  envelope.reverse_path = mailbox.text();
  envelope.body = mail.parameters.body;
  envelope.smtputf8 = mail.parameters.smtputf8;
  envelope.size = mail.parameters.size;
  envelope.ret = mail.parameters.ret;
  envelope.envid = mail.parameters.envid;
  message::Submitter submitter{.customer = {},
                               .account = {},
                               .address = connection_->peer().ip(),
                               .helo = std::string(machine_->hello_name()),
                               .protocol = machine_->esmtp() ? "ESMTP" : "SMTP"};
  if (identity_ != nullptr) {
    submitter.customer = identity_->customer_name;
    submitter.account = identity_->account_name;
  }
  const net::TlsSession* tls = connection_->tls();
  transaction_ = std::make_unique<Transaction>(
      services_, *rules_, *rights,
      Client{.helo = machine_->hello_name(),
             .address = connection_->peer(),
             .tls_version = tls != nullptr ? tls->version() : "",
             .tls_cipher = tls != nullptr ? tls->cipher() : "",
             .esmtp = machine_->esmtp(),
             .authenticated = machine_->authenticated()},
      services_.takers.make(submitter), std::move(envelope));
  machine_->answer_mail(smtp::replies::kSenderOk, writer_);
}

void Session::on_recipient() { transaction_->add(machine_->recipient()); }

// All recipients that came in one go are asked of the taker together.
Task<void> Session::answer_recipients() {
  using Answer = Transaction::Answer;
  std::vector<Answer> answers;
  co_await transaction_->offer(answers);
  CHECK(answers.size() == machine_->outstanding());
  for (const Answer& answer : answers) {
    switch (answer.kind) {
      case Answer::Kind::offered: machine_->answer_recipient(answer.reply, writer_); break;
      case Answer::Kind::duplicate: machine_->answer_duplicate_recipient(answer.reply, writer_); break;
      case Answer::Kind::surplus: machine_->answer_surplus_recipient(writer_); break;
    }
  }
}

Task<void> Session::end_transaction() {
  chunks_.reset();
  if (transaction_ == nullptr) co_return;
  co_await transaction_->abandon();
  transaction_ = nullptr;
}

// ------------------------------------------------------------------------------------------ TLS and AUTH

Task<Session::Next> Session::on_start_tls() {
  co_await end_transaction();
  // RFC 3207 6: what came in plain behind STARTTLS must not be taken for what comes inside. Before our 220 is out: what
  // comes after it is the handshake, which may be there before we hear that the 220 was sent.
  connection_->input().clear();
  flush();
  if (co_await connection_->drained(0, rules_->reply_timeout, "STARTTLS reply") != net::IoStatus::ok)
    co_return Next::end;
  if (co_await handshake() == Next::end) co_return Next::end;
  sasl_ = nullptr;
  identity_ = nullptr;
  machine_->tls_started();
  co_return Next::go_on;
}

Task<void> Session::on_auth() {
  const auth::Mechanism* mechanism = auth::find_mechanism(machine_->auth_mechanism());
  CHECK(mechanism != nullptr);  // the machine takes only what the profile lists
  sasl_ = mechanism->make();
  std::optional<std::string_view> initial;
  if (machine_->has_auth_initial()) initial = machine_->auth_response();
  co_await on_sasl(sasl_->start(initial));
}

Task<void> Session::on_auth_response() { co_await on_sasl(sasl_->respond(machine_->auth_response())); }

Task<void> Session::on_sasl(auth::Step step) {
  switch (step.kind) {
    case auth::SaslStep::challenge:
      machine_->answer_auth_challenge(step.challenge, writer_);
      co_return;
    case auth::SaslStep::ready:
      sasl_ = nullptr;
      co_await check(std::move(*step.credentials));
      co_return;
    case auth::SaslStep::cancelled:
    case auth::SaslStep::malformed:
      sasl_ = nullptr;
      ++services_.counters.logins_refused;
      services_.observer.login(rules_->name, connection_->peer(), "", AuthResult::malformed, "");
      machine_->answer_auth(step.fault == auth::SaslFault::syntax
                                ? smtp::Reply(501, {5, 5, 2}, "Malformed credentials")
                                : smtp::Reply(smtp::replies::kAuthFailed),
                            writer_);
      co_return;
  }
}

Task<void> Session::check(auth::Credentials credentials) {
  flush();
  const std::string name = credentials.name.text();
  auth::Answer answer = co_await services_.authenticator.authenticate(std::move(credentials));
  AuthResult result = AuthResult::granted;
  smtp::Reply reply = smtp::replies::kAuthOk;
  switch (answer.kind) {
    case auth::AnswerKind::granted:
      identity_ = std::move(answer.identity);
      ++services_.counters.logins;
      break;
    case auth::AnswerKind::wrong:
      result = AuthResult::wrong;
      reply = smtp::replies::kAuthFailed;
      break;
    case auth::AnswerKind::suspended:
      result = AuthResult::suspended;
      reply = smtp::Reply(535, {5, 7, 8}, answer.reason.empty() ? "Account suspended" : answer.reason);
      break;
    case auth::AnswerKind::unavailable:
      // A back end's trouble is never the customer's: 454, not 535.
      result = AuthResult::unavailable;
      reply = smtp::replies::kAuthUnavailable;
      break;
  }
  if (result != AuthResult::granted) ++services_.counters.logins_refused;
  services_.observer.login(rules_->name, connection_->peer(), name, result, answer.reason);
  machine_->answer_auth(reply, writer_);
}

// ------------------------------------------------------------------------------------------ the wire

Task<Session::Next> Session::receive(Duration timeout, const char* what) {
  if (co_await flush_bounded() == Next::end) co_return Next::end;
  const net::IoStatus status = co_await connection_->more(timeout, what);
  if (status == net::IoStatus::ok) co_return Next::go_on;
  if (status == net::IoStatus::timed_out)
    say_and_close(smtp::replies::kIdleTooLong, "timed out");
  co_return Next::end;
}

void Session::flush() {
  connection_->write(out_);
  // A session that waits keeps no memory for what it has said.
  if (out_.capacity() > 256) {
    out_ = std::string();
  } else {
    out_.clear();
  }
}

Task<Session::Next> Session::flush_bounded() {
  flush();
  if (connection_->unsent() <= kUnsentRepliesMax) co_return Next::go_on;
  const net::IoStatus status = co_await connection_->drained(
      kUnsentRepliesMax / 2, rules_->reply_timeout, "the client to read our replies");
  co_return status == net::IoStatus::ok ? Next::go_on : Next::end;
}

void Session::say_and_close(const smtp::Reply& reply, const char* why) {
  machine_->close(reply, writer_);
  services_.observer.ended(rules_->name, connection_->peer(), why);
}

}  // namespace sluice::session
