#include "engine/hop/next_hop.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace sluice::hop {
namespace {

constexpr Duration kQuitTimeout = std::chrono::seconds(5);
constexpr Duration kTryTlsTimeout = std::chrono::seconds(30);
// Some answer the first few EHLO of a connection at once and the others later each time (Sendmail: from the third).
constexpr Duration kSecondHelloSlow = std::chrono::milliseconds(900);
constexpr Duration kLookBehind = std::chrono::milliseconds(500);
constexpr int kSurplusMax = 8;

// Of descriptors or memory.
bool is_our_lack(int error) {
  constexpr int kLacks[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
  return std::ranges::find(kLacks, error) != std::end(kLacks);
}

Failure failure(const NextHop* hop, std::string_view label, const char* doing, std::string_view why) {
  std::string detail(label);
  if (hop != nullptr) detail = hop->label();
  detail.append(": ").append(doing).append(": ").append(why);
  return {.reply = smtp::replies::kNextHopFailure, .detail = std::move(detail)};
}

// A command as it may be shown: what stands behind AUTH is secret.
std::string_view shown(std::string_view text, std::string_view what) {
  if (what.starts_with("AUTH")) return what;
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string fault_text(const smtp::ClientMachine& machine) {
  switch (machine.fault()) {
    case smtp::ClientFault::surplus:
      return "a reply that no command was waiting for";
    case smtp::ClientFault::misplaced:
      return "the reply to another command";
    case smtp::ClientFault::behind_starttls:
      return "bytes behind the reply to STARTTLS";
    case smtp::ClientFault::none:
    case smtp::ClientFault::garbage:
      break;
  }
  return "garbage where a reply should be: \"" + machine.garbage() + "\"";
}

}  // namespace

std::string Response::words() const {
  std::string words = std::to_string(code);
  if (enhanced.present())
    words += " " + std::to_string(enhanced.cls) + "." + std::to_string(enhanced.subject) + "." +
             std::to_string(enhanced.detail);
  return words.append(" ").append(text);
}

NextHop::NextHop(std::unique_ptr<net::Connection> connection, const Opening& opening)
    : connection_(std::move(connection)),
      memory_(opening.memory),
      transcript_(opening.transcript),
      label_(opening.label),
      address_(connection_->peer().to_string()),
      hostname_(opening.hostname) {}

Task<std::expected<std::unique_ptr<NextHop>, Failure>> NextHop::open(io::Loop& loop, Opening opening) {
  const Instant began = loop.now();
  auto connected = co_await opening.dialer.connect(opening.addresses, opening.route.connect_timeout);
  if (!connected) {
    Failure failed = failure(nullptr, opening.label, "connect", std::strerror(connected.error()));
    failed.ours = is_our_lack(connected.error());
    co_return std::unexpected(std::move(failed));
  }
  opening.counters.connect.observe(loop.now() - began);
  std::unique_ptr<NextHop> hop(new NextHop(std::move(connected->connection), opening));
  if (auto failed = co_await hop->begin(opening)) {
    co_await hop->close();
    failed->address = connected->address;
    co_return std::unexpected(*std::move(failed));
  }
  hop->refusal_ = {};
  hop->idle_since = loop.now();
  co_return hop;
}

Task<std::optional<Failure>> NextHop::begin(const Opening& opening) {
  if (auto failed = co_await ask({}, 2, opening.route.command_timeout, "greeting")) co_return failed;
  if (auto failed = co_await hello(opening.route.command_timeout)) co_return failed;
  if (auto failed = co_await secure(opening)) co_return failed;
  co_return co_await log_in(opening);
}

Task<std::optional<Failure>> NextHop::hello(Duration timeout) {
  std::string text;
  machine_.append_ehlo(hostname_, text);
  auto failed = co_await ask(text, 2, timeout, "EHLO");
  if (failed && !broken_ && machine_.should_fall_back()) {
    text.clear();
    machine_.append_helo(hostname_, text);
    failed = co_await ask(text, 2, timeout, "HELO");
  }
  if (!failed) machine_.set_capabilities(memory_.usable(label_, capabilities(), connection_->loop().now()));
  co_return failed;
}

Task<std::optional<Failure>> NextHop::secure(const Opening& opening) {
  if (opening.route.tls == route::RouteTls::none) co_return std::nullopt;
  if (!capabilities().starttls) {
    if (opening.route.tls == route::RouteTls::opportunistic) co_return std::nullopt;
    co_return failure(this, {}, "STARTTLS", "not offered, and the route requires TLS");
  }
  if (route::may_go_in_clear(opening.route) && lacks(Lack::tls)) co_return std::nullopt;
  auto failed = co_await start_tls(opening);
  if (!failed) co_return co_await hello(opening.route.command_timeout);
  // A refusal is no reason to do without where it is only opportunistic.
  const bool refused = failed->said.code != 0 && !broken_ && !machine_.closing();
  if (refused && opening.route.tls == route::RouteTls::opportunistic) co_return std::nullopt;
  // Words behind the 220 are put there to be read inside of TLS: an attacker is in between.
  failed->tls_failed = machine_.fault() != smtp::ClientFault::behind_starttls;
  co_return failed;
}

Task<std::optional<Failure>> NextHop::start_tls(const Opening& opening) {
  CHECK(opening.tls != nullptr);
  // Where there is another way, it does not wait for minutes.
  Duration timeout = opening.route.command_timeout;
  if (route::may_go_in_clear(opening.route)) timeout = std::min(timeout, kTryTlsTimeout);
  std::string text;
  machine_.append_starttls(text);
  if (auto failed = co_await ask(text, 2, timeout, "STARTTLS")) co_return failed;
  const Instant began = connection_->loop().now();
  const net::IoStatus status = co_await connection_->start_tls_client(*opening.tls, opening.server_name, timeout);
  if (status == net::IoStatus::ok) {
    opening.counters.tls_handshake.observe(connection_->loop().now() - began);
    opening.counters.tls.add(tls_facts());
    machine_.tls_started();
    co_return std::nullopt;
  }
  broken_ = true;
  std::string_view why = connection_->tls()->error();
  if (why.empty()) why = net::io_status_text(status);
  co_return failure(this, {}, "TLS", why);
}

Task<std::optional<Failure>> NextHop::log_in(const Opening& opening) {
  if (!opening.route.login) co_return std::nullopt;
  // Credentials leave the machine inside TLS only, whatever else the route allows.
  if (connection_->tls() == nullptr && !connection_->peer().is_loopback())
    co_return failure(this, {}, "login", "the next hop offers no TLS, and the login is kept to oneself");
  const route::RouteLogin& login = *opening.route.login;
  const Duration timeout = opening.route.command_timeout;
  std::string text;
  std::optional<Failure> failed;
  if (capabilities().auth_plain) {
    machine_.append_auth_plain(login.name, login.secret, text);
    failed = co_await ask(text, 2, timeout, "AUTH PLAIN");
  } else if (capabilities().auth_login) {
    machine_.append_auth_login(text);
    failed = co_await ask(text, 3, timeout, "AUTH LOGIN");
    for (const std::string* part : {&login.name, &login.secret}) {
      if (failed) break;
      text.clear();
      machine_.append_auth_response(*part, text);
      failed = co_await ask(text, part == &login.name ? 3 : 2, timeout, "AUTH LOGIN");
    }
  } else {
    failed = failure(this, {}, "login", "it offers neither AUTH PLAIN nor AUTH LOGIN");
  }
  explicit_bzero(text.data(), text.size());
  co_return failed;
}

Task<std::optional<Failure>> NextHop::ask(std::string_view text, std::uint16_t wanted, Duration timeout,
                                          const char* what) {
  if (transcript_ != nullptr && !text.empty()) transcript_->sent(shown(text, what));
  send(text);
  auto answered = co_await reply(timeout, what);
  if (!answered) co_return std::move(answered.error());
  if (last_reply().code / 100 == wanted) co_return spoke_unasked();
  co_return refused(what);
}

// By the last reply.
Failure NextHop::refused(const char* what) {
  refusal_ = Response::of(last_reply());
  Failure refused = failure(this, {}, what, refusal_.words());
  refused.closed = machine_.closing();
  if (refusal_.code / 100 < 4) refusal_ = {};  // no refusal, so no reason
  refused.said = refusal_;
  refused.host = label_;
  return refused;
}

Task<std::expected<smtp::Expect, Failure>> NextHop::reply(Duration timeout, const char* what) {
  // One deadline for the whole reply, so that an endless one does not keep us.
  const Instant deadline = connection_->loop().now() + timeout;
  Chain& input = connection_->input();
  for (;;) {
    while (!input.empty()) {
      const smtp::ClientStep step = machine_.next_reply(input.front());
      input.consume(step.consumed);
      if (step.event == smtp::ClientEvent::reply) {
        ++replies_;
        if (transcript_ != nullptr) transcript_->received(last_reply());
        co_return step.expect;
      }
      if (step.event == smtp::ClientEvent::protocol_error) {
        broken_ = true;
        co_return std::unexpected(failure(this, {}, what, fault_text(machine_)));
      }
    }
    const Duration left = deadline - connection_->loop().now();
    const net::IoStatus status =
        left > Duration::zero() ? co_await connection_->more(left, what) : net::IoStatus::timed_out;
    if (status != net::IoStatus::ok) {
      broken_ = true;
      Failure lost = failure(this, {}, what, net::io_status_text(status));
      lost.closed = status == net::IoStatus::end || status == net::IoStatus::failed;
      // Some say why before they close.
      if (refusal_.code != 0) lost.detail.append(", after ").append(refusal_.words());
      lost.said = refusal_;
      lost.host = label_;
      co_return std::unexpected(std::move(lost));
    }
  }
}

std::optional<Failure> NextHop::spoke_unasked() {
  Chain& input = connection_->input();
  while (!input.empty() && machine_.outstanding() == 0) {
    const smtp::ClientStep step = machine_.next_reply(input.front());
    input.consume(step.consumed);
    if (step.event == smtp::ClientEvent::need_more) continue;
    broken_ = true;
    const bool leaving = step.event == smtp::ClientEvent::reply;  // 421
    Failure unasked = leaving ? refused("dialog") : failure(this, {}, "dialog", fault_text(machine_));
    unasked.closed = true;
    return unasked;
  }
  if (machine_.outstanding() > 0 || machine_.idle()) return std::nullopt;
  broken_ = true;
  Failure part = failure(this, {}, "dialog", "part of a reply that no command was waiting for");
  part.closed = true;
  return part;
}

// ------------------------------------------------------------------------------------------ in step

bool NextHop::out_of_step() const {
  return machine_.fault() == smtp::ClientFault::surplus || machine_.fault() == smtp::ClientFault::misplaced;
}

bool NextHop::confirms_by_hello() const { return machine_.says_hello_plainly() && !lacks(Lack::second_hello); }

std::string NextHop::confirm_text() {
  std::string text;
  if (capabilities().pipelining && confirms_by_hello()) machine_.append_hello_again(hostname_, text);
  return text;
}

Task<InStep> NextHop::confirm(Duration timeout) {
  if (machine_.outstanding() == 0) {
    if (!confirms_by_hello()) co_return co_await confirm_by_quit(timeout);
    std::string text;
    machine_.append_hello_again(hostname_, text);
    send(text);
  }
  const Instant before = connection_->loop().now();
  auto answered = co_await reply(timeout, "answer of the next hop to EHLO behind a transaction");
  const bool silent = !answered && !answered.error().closed;
  if (silent || connection_->loop().now() - before > kSecondHelloSlow) note(Lack::second_hello, "its answer is late");
  if (!answered) co_return machine_.fault() == smtp::ClientFault::none ? InStep::unheard : InStep::no;
  if (last_reply().code == 421) co_return InStep::unheard;
  if (!machine_.is_hello()) co_return co_await look_behind(timeout);
  if (spoke_unasked() && machine_.fault() != smtp::ClientFault::none) co_return InStep::no;
  transaction_open = false;
  co_return machine_.closing() || machine_.idle() ? InStep::yes : InStep::no;
}

// EHLO was answered by something else.  Either this next hop takes EHLO only once, and then it has no more to say, and
// the 221 to QUIT is in its place; or that was the reply to a command before, and then more comes.
Task<InStep> NextHop::look_behind(Duration timeout) {
  const smtp::ParsedReply answer = last_reply();
  if (answer.positive()) {
    const InStep in_step = co_await confirm_by_quit(timeout);
    // It has answered EHLO in other words than before.
    if (in_step == InStep::yes) note(Lack::second_hello, Response::of(answer).words());
    co_return in_step == InStep::yes ? InStep::too_many : in_step;
  }
  note(Lack::second_hello, Response::of(answer).words());
  broken_ = true;
  // RFC 5321 4.2.2: the command is not known, or is out of sequence.  Any other refusal may be the message's.
  const bool about_command = answer.code >= 500 && answer.code <= 504;
  if (!about_command || co_await speaks_within(kLookBehind)) co_return InStep::no;
  const InStep in_step = co_await confirm_by_quit(timeout);
  co_return in_step == InStep::too_many ? InStep::no : in_step;
}

// No other command has 221.  Where positive replies come before it, or before the answer to EHLO, those were too many.
Task<InStep> NextHop::confirm_by_quit(Duration timeout) {
  std::string text;
  machine_.append_quit(text);
  send(text);
  broken_ = true;
  for (int surplus = 0; surplus <= kSurplusMax; ++surplus) {
    auto answered = co_await reply(timeout, "answer of the next hop to QUIT behind a transaction");
    if (!answered) co_return machine_.fault() == smtp::ClientFault::none ? InStep::unheard : InStep::no;
    if (last_reply().code == 421) co_return InStep::unheard;
    if (last_reply().code == 221 && surplus == 0) co_return connection_->input().empty() ? InStep::yes : InStep::no;
    if (last_reply().code == 221 || machine_.is_hello()) co_return InStep::too_many;
    if (!last_reply().positive()) break;
    machine_.expect_one_more();
  }
  co_return InStep::no;
}

Task<bool> NextHop::speaks_within(Duration wait) {
  if (!connection_->input().empty()) co_return true;
  const net::IoStatus status = co_await connection_->more(wait, "a reply that is too many");
  co_return status == net::IoStatus::ok;
}

Task<std::optional<Failure>> NextHop::reset(Duration timeout) {
  std::string text;
  machine_.append_rset(text);
  auto failed = co_await ask(text, 2, timeout, "RSET");
  if (failed) {
    broken_ = true;
    co_return failed;
  }
  transaction_open = false;
  co_return std::nullopt;
}

Task<std::optional<Failure>> NextHop::introduce(const smtp::XclientValues& client, Duration timeout) {
  smtp::XclientAttributes sent = sent_attributes_;
  const std::string pairs = smtp::xclient_pairs(capabilities().xclient_takes, client, sent);
  if (pairs.empty() || pairs == introduced_) co_return std::nullopt;
  std::string text;
  machine_.append_xclient(pairs, text);
  auto failed = co_await ask(text, 2, timeout, "XCLIENT");
  if (!failed) failed = co_await hello(timeout);
  if (failed) {
    broken_ = true;  // it may still take us for the client of the last message
    co_return failed;
  }
  introduced_ = pairs;
  sent_attributes_ = sent;
  co_return std::nullopt;
}

TlsFacts NextHop::tls_facts() const { return connection_->tls() != nullptr ? connection_->tls()->facts() : TlsFacts(); }

bool NextHop::reusable() {
  return !broken_ && !machine_.closing() && machine_.idle() && !connection_->ended() && connection_->error() == 0 &&
         connection_->input().empty() && connection_->state() == net::Connection::State::open;
}

Task<void> NextHop::close() {
  if (reusable()) {
    std::string text;
    machine_.append_quit(text);
    if (transcript_ != nullptr) transcript_->sent("QUIT");
    send(text);
    // Its answer does not matter, only that QUIT got out.
    static_cast<void>(co_await reply(kQuitTimeout, "QUIT"));
  }
  // An end in TLS is said there, too, so that the peer does not take it for an attacker's (truncation).
  if (connection_->tls() != nullptr) co_await connection_->finish(kQuitTimeout, Duration::zero());
  co_await connection_->close();
}

}  // namespace sluice::hop
