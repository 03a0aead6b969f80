#include "engine/relay/next_hop.h"

#include <cstring>

namespace sluice::relay {
namespace {

constexpr Duration kQuitTimeout = std::chrono::seconds(5);

Trouble trouble(const NextHop* hop, std::string_view label, const char* doing, std::string_view why) {
  std::string detail(label);
  if (hop != nullptr) detail = hop->label();
  detail.append(": ").append(doing).append(": ").append(why);
  return {.reply = smtp::replies::kNextHopTrouble, .detail = std::move(detail)};
}

}  // namespace

NextHop::NextHop(std::unique_ptr<net::Connection> connection, const Opening& opening)
    : connection_(std::move(connection)),
      label_(opening.label),
      address_(opening.address.to_string()),
      hostname_(opening.hostname) {}

Task<std::expected<std::unique_ptr<NextHop>, Trouble>> NextHop::open(io::Loop& loop, Opening opening) {
  auto connected =
      co_await net::Connection::connect(loop, opening.address, opening.route.connect_timeout);
  if (!connected)
    co_return std::unexpected(
        trouble(nullptr, opening.label, "connect", std::strerror(connected.error())));
  std::unique_ptr<NextHop> hop(new NextHop(*std::move(connected), opening));
  if (auto failed = co_await hop->begin(opening)) {
    co_await hop->close();
    co_return std::unexpected(*std::move(failed));
  }
  hop->idle_since = loop.now();
  co_return hop;
}

Task<std::optional<Trouble>> NextHop::begin(const Opening& opening) {
  if (auto failed = co_await ask({}, 2, opening.route.command_timeout, "greeting")) co_return failed;
  if (auto failed = co_await hello(opening.route.command_timeout)) co_return failed;
  if (auto failed = co_await secure(opening)) co_return failed;
  co_return co_await log_in(opening);
}

Task<std::optional<Trouble>> NextHop::hello(Duration timeout) {
  std::string text;
  machine_.append_ehlo(hostname_, text);
  auto failed = co_await ask(text, 2, timeout, "EHLO");
  if (failed && !broken_ && machine_.should_fall_back()) {
    text.clear();
    machine_.append_helo(hostname_, text);
    failed = co_await ask(text, 2, timeout, "HELO");
  }
  co_return failed;
}

Task<std::optional<Trouble>> NextHop::secure(const Opening& opening) {
  if (opening.route.tls == RouteTls::none) co_return std::nullopt;
  if (!capabilities().starttls) {
    if (opening.route.tls == RouteTls::opportunistic) co_return std::nullopt;
    co_return trouble(this, {}, "STARTTLS", "not offered, and the route requires TLS");
  }
  std::string text;
  machine_.append_starttls(text);
  if (auto failed = co_await ask(text, 2, opening.route.command_timeout, "STARTTLS")) {
    // A refusal is no reason to do without where it is only opportunistic.
    if (opening.route.tls == RouteTls::opportunistic && !broken_ && !machine_.closing())
      co_return std::nullopt;
    co_return failed;
  }
  // RFC 3207: what came in plain behind the 220 is not from whom we are about to trust.
  if (!connection_->input().empty()) {
    broken_ = true;
    co_return trouble(this, {}, "STARTTLS", "octets behind its 220");
  }
  CHECK(opening.tls != nullptr);
  const net::IoStatus status = co_await connection_->start_tls_client(
      *opening.tls, opening.server_name, opening.route.command_timeout);
  if (status != net::IoStatus::ok) {
    broken_ = true;
    std::string_view why = connection_->tls()->error();
    if (why.empty()) why = net::io_status_text(status);
    co_return trouble(this, {}, "TLS", why);
  }
  machine_.tls_started();
  co_return co_await hello(opening.route.command_timeout);
}

Task<std::optional<Trouble>> NextHop::log_in(const Opening& opening) {
  if (!opening.route.login) co_return std::nullopt;
  // Credentials leave the machine inside TLS only, whatever else the route allows.
  if (connection_->tls() == nullptr && !connection_->peer().is_loopback())
    co_return trouble(this, {}, "login", "the next hop offers no TLS, and the login is kept to oneself");
  const RouteLogin& login = *opening.route.login;
  const Duration timeout = opening.route.command_timeout;
  std::string text;
  std::optional<Trouble> failed;
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
    failed = trouble(this, {}, "login", "it offers neither AUTH PLAIN nor AUTH LOGIN");
  }
  explicit_bzero(text.data(), text.size());
  co_return failed;
}

Task<std::optional<Trouble>> NextHop::ask(std::string_view text, std::uint16_t wanted, Duration timeout,
                                          const char* what) {
  send(text);
  auto answered = co_await reply(timeout, what);
  if (!answered) co_return std::move(answered.error());
  const smtp::ParsedReply& got = last_reply();
  if (got.code / 100 == wanted) co_return std::nullopt;
  Trouble refused = trouble(this, {}, what, std::to_string(got.code) + " " + got.text);
  refused.closed = machine_.closing();
  co_return refused;
}

Task<std::expected<smtp::Expect, Trouble>> NextHop::reply(Duration timeout, const char* what) {
  // One deadline for the whole reply, so that an endless one does not keep us.
  const Instant deadline = connection_->loop().now() + timeout;
  Chain& input = connection_->input();
  for (;;) {
    while (!input.empty()) {
      const smtp::ClientStep step = machine_.next_reply(input.front());
      input.consume(step.consumed);
      if (step.event == smtp::ClientEvent::reply) {
        ++replies_;
        co_return step.expect;
      }
      if (step.event == smtp::ClientEvent::protocol_error) {
        broken_ = true;
        co_return std::unexpected(trouble(this, {}, what, "garbage where a reply should be"));
      }
    }
    const Duration left = deadline - connection_->loop().now();
    const net::IoStatus status = left > Duration::zero() ? co_await connection_->more(left, what)
                                                         : net::IoStatus::timed_out;
    if (status != net::IoStatus::ok) {
      broken_ = true;
      Trouble lost = trouble(this, {}, what, net::io_status_text(status));
      lost.closed = status == net::IoStatus::end || status == net::IoStatus::failed;
      co_return std::unexpected(std::move(lost));
    }
  }
}

std::optional<Trouble> NextHop::spoke_unasked() {
  Chain& input = connection_->input();
  while (!input.empty() && machine_.outstanding() == 0) {
    const smtp::ClientStep step = machine_.next_reply(input.front());
    input.consume(step.consumed);
    if (step.event == smtp::ClientEvent::need_more) continue;
    broken_ = true;
    if (step.event == smtp::ClientEvent::protocol_error)
      return trouble(this, {}, "dialog", "a reply that nobody asked for");
    Trouble leaving = trouble(this, {}, "dialog", std::to_string(last_reply().code) + " " + last_reply().text);
    leaving.closed = true;
    return leaving;
  }
  return std::nullopt;
}

Task<std::optional<Trouble>> NextHop::introduce(const smtp::XclientValues& who, Duration timeout) {
  smtp::XclientAttributes told = told_;
  const std::string pairs = smtp::xclient_pairs(capabilities().xclient_takes, who, told);
  if (pairs.empty() || pairs == introduced_) co_return std::nullopt;
  std::string text;
  if (transaction_open) {
    machine_.append_rset(text);
    if (auto failed = co_await ask(text, 2, timeout, "RSET")) co_return failed;
    transaction_open = false;
    text.clear();
  }
  machine_.append_xclient(pairs, text);
  auto failed = co_await ask(text, 2, timeout, "XCLIENT");
  if (!failed) failed = co_await hello(timeout);
  if (failed) {
    broken_ = true;  // it may still take us for somebody else
    co_return failed;
  }
  introduced_ = pairs;
  told_ = told;
  co_return std::nullopt;
}

std::string NextHop::tls_version() const {
  return connection_->tls() != nullptr ? connection_->tls()->version() : "";
}

bool NextHop::reusable() {
  // RSET goes out together with the next MAIL, which is for those who know PIPELINING.
  if (transaction_open && !capabilities().pipelining) return false;
  return !broken_ && !machine_.closing() && machine_.idle() && !connection_->ended() &&
         connection_->error() == 0 && connection_->input().empty() &&
         connection_->state() == net::Connection::State::open;
}

Task<void> NextHop::close() {
  if (reusable()) {
    std::string text;
    machine_.append_quit(text);
    send(text);
    // Its answer does not matter, only that QUIT got out.
    static_cast<void>(co_await reply(kQuitTimeout, "QUIT"));
    connection_->say_goodbye();
  }
  co_await connection_->close();
}

}  // namespace sluice::relay
