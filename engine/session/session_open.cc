// The part of a session before its greeting, and its way into TLS.
#include <algorithm>
#include <utility>

#include "engine/net/proxy_protocol.h"
#include "engine/session/session.h"
#include "engine/tls/hello.h"

namespace sluice::session {
namespace {

bool in_any(const std::vector<Network>& networks, const io::Address& address) {
  return std::ranges::any_of(networks, [&](const Network& n) { return n.contains(address.ip_bytes()); });
}

}  // namespace

Task<Session::Next> Session::open() {
  const bool implicit_tls = rules_->profile.implicit_tls;
  smtp::RefusalObserver* const observer = this;
  machine_.emplace(rules_->profile, implicit_tls, observer);
  if (admit(services_.admission.session(), place_) == Next::end) co_return Next::end;
  if (in_any(rules_->proxy, connection_->peer()) && co_await read_proxy_header() == Next::end) co_return Next::end;
  if (services_.admission.is_contained(connection_->peer()))
    co_return admit(std::unexpected(EndReason::network_contained), address_place_);
  is_trusted_ = in_any(rules_->trusted, connection_->peer());
  if (is_trusted_) {
    machine_.emplace(rules_->trusted_profile, implicit_tls, observer);
    set_identity(nullptr);
  } else {
    connection_->set_share(login_share());
  }
  if (counts_by_address() && admit(services_.admission.session_of(connection_->peer()), address_place_) == Next::end)
    co_return Next::end;
  if (implicit_tls) {
    if (admit_handshake() == Next::end || co_await handshake() == Next::end) co_return Next::end;
  } else if (co_await await_greeting() == Next::end) {
    co_return Next::end;
  }
  if (end_is_due()) {
    end(*ending_);
    co_return Next::end;
  }
  withhold_mechanisms();
  machine_->greet(writer_);
  co_return Next::go_on;
}

// RFC 5321 3.1: the client waits for the greeting; one that does not is no mail client.  Without a delay it is not
// looked for: what came in one segment with a PROXY header is answered after the greeting.
Task<Session::Next> Session::await_greeting() {
  if (rules_->greet_delay == Duration::zero()) co_return Next::go_on;
  if (connection_->input().empty()) {
    wait_ = Wait::greeting;
    const net::IoStatus status = co_await connection_->more(rules_->greet_delay, "early talkers");
    wait_ = Wait::nothing;
    if (end_is_due()) co_return Next::go_on;
    const bool over = status != net::IoStatus::ok && status != net::IoStatus::timed_out;
    if (over && connection_->input().empty()) {
      end_by(status, EndReason::early_talker);
      co_return Next::end;
    }
  }
  if (connection_->input().empty()) co_return Next::go_on;
  end(tls_in_clear() ? EndReason::tls_in_clear : EndReason::early_talker);
  co_return Next::end;
}

// A balancer stands for many clients, and a trusted host is trusted with this, too.
bool Session::counts_by_address() const { return !is_trusted_ && !in_any(rules_->proxy, connection_->peer()); }

Session::Next Session::admit(Admission::Admitted place, Admission::Place& kept) {
  if (place) {
    kept = *std::move(place);
    return Next::go_on;
  }
  // It takes no session's place while the 421 is sent.
  address_place_.give_back();
  place_.give_back();
  if (auto telling = services_.admission.turn_away()) {
    place_ = *std::move(telling);
  } else {
    connection_->terminate();
  }
  end(place.error());
  return Next::end;
}

Session::Next Session::admit_handshake() {
  const io::Address* client = counts_by_address() ? &connection_->peer() : nullptr;
  return admit(services_.admission.handshake(client), handshake_place_);
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
    net::IoStatus status = net::IoStatus::timed_out;
    if (header.result == net::ProxyResult::need_more && left > Duration::zero()) {
      wait_ = Wait::proxy_header;
      status = co_await connection_->more(left, "PROXY header");
      wait_ = Wait::nothing;
      if (status == net::IoStatus::ok) continue;
    }
    if (status == net::IoStatus::cancelled) {
      end_by(status, EndReason::proxy_header);
    } else {
      end(EndReason::proxy_header, *header.error != 0 ? header.error : "no PROXY header");
    }
    co_return Next::end;
  }
}

// ------------------------------------------------------------------------------------------ TLS

Task<Session::Next> Session::handshake() {
  ++services_.counters.tls_handshakes;
  CHECK(rules_->tls != nullptr);
  wait_ = Wait::handshake;
  // Asked for while the 220 to STARTTLS was on its way: nothing can be said any more, and nothing is lost.
  if (ending_) connection_->terminate();
  const net::IoStatus status = co_await connection_->start_tls_server(*rules_->tls, rules_->handshake_timeout);
  wait_ = Wait::nothing;
  handshake_place_.give_back();
  if (status == net::IoStatus::ok) {
    services_.counters.tls.add(connection_->tls()->facts());
    if (const auto* tls = connection_->tls(); !tls->reached_as().empty())
      machine_->set_host(tls->reached_as(), tls->policy_url());
    note_client_certificate();
    co_return Next::go_on;
  }
  ++services_.counters.tls_failures;
  const std::string error(connection_->tls()->error());
  if (status == net::IoStatus::end) {
    end(EndReason::handshake_closed);
  } else if (status != net::IoStatus::failed || error.empty()) {
    end_by(status, EndReason::handshake_timeout);
  } else if (!rules_->profile.implicit_tls && error == tls::kNotTls) {
    end(EndReason::plaintext_in_handshake, error);
  } else {
    end(EndReason::handshake_failed, error);
  }
  co_return Next::end;
}

Task<Session::Next> Session::on_start_tls() {
  co_await end_transaction("starttls");
  if (admit_handshake() == Next::end) co_return Next::end;
  // RFC 3207 6: what came in plain behind STARTTLS must not be taken for what comes inside. Before our 220 is out: what
  // comes after it is the handshake, which may be there before we hear that the 220 was sent.
  note_plaintext(machine_->dropped_at_starttls() + connection_->input().size());
  connection_->input().clear();
  flush();
  const net::IoStatus sent = co_await connection_->drained(0, rules_->reply_timeout, "STARTTLS reply");
  if (sent != net::IoStatus::ok) {
    end_by(sent, EndReason::reply_timeout);
    co_return Next::end;
  }
  if (co_await handshake() == Next::end) co_return Next::end;
  sasl_ = nullptr;
  set_identity(nullptr);
  machine_->tls_started();
  withhold_mechanisms();
  co_return Next::go_on;
}

void Session::note_plaintext(std::size_t bytes) {
  if (bytes == 0) return;
  smtp::Reply dropped(220, {2, 0, 0}, std::to_string(bytes) + " bytes behind it were dropped");
  dropped.set_name("bytes_behind_starttls");
  log_refusal(dropped, {}, "STARTTLS", {});
}

}  // namespace sluice::session
