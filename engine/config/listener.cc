#include <algorithm>

#include "engine/config/sections.h"

namespace sluice::config {
namespace {

// A listener on which a stranger can send is an open relay; one on which no client can
// send is a mistake.
void check_who_may_send(const ConfigSection& section, const ListenerConfig& listener) {
  const bool no_login = listener.auth == ListenerAuth::off;
  const bool nobody_trusted = listener.trusted.empty() && !section.fills("trusted");
  for (const Network& network : listener.trusted) {
    if (network.prefix_bits() == 0) {
      section.error("trusted", network.to_string() + " is everybody: an open relay", "the networks of your own hosts");
    }
  }
  if (!listener.require_auth && nobody_trusted) {
    section.error("require_auth", "nobody has to log in and no network is trusted: an open relay",
                  "true, or false with networks in trusted");
  } else if (no_login && nobody_trusted) {
    section.error("auth", "nobody can log in and no network is trusted: nobody could send here",
                  "\"tls\", or \"off\" with networks in trusted");
  }
  if (!listener.trusted_domains.empty() && nobody_trusted) {
    section.error("trusted_domains", "there is no trusted network that it could be about", "with networks in trusted");
  }
}

void check_tls(const ConfigSection& section, const ListenerConfig& listener) {
  if (listener.tls != ListenerTls::none) return;
  if (listener.auth == ListenerAuth::tls) {
    section.error("auth", "\"tls\" lets nobody log in where tls = \"none\"",
                  "\"off\" with networks in trusted; or \"clear\", which shows passwords to "
                  "eavesdroppers");
  }
  if (listener.require_tls) section.error("require_tls", "is true where tls = \"none\"", "false");
}

}  // namespace

void read_listener(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
                   ListenerConfig& listener) {
  using Tls = ConfigSection::Choice<ListenerTls>;
  using Auth = ConfigSection::Choice<ListenerAuth>;
  using LineEnds = ConfigSection::Choice<bool>;
  using Sender = ConfigSection::Choice<policy::ForeignSender>;
  using Name = ConfigSection::Choice<policy::ForeignName>;
  constexpr std::int64_t kGreetDelayMsMax = 60'000;
  ConfigSection section(table, "listener", std::move(path), diagnostics);
  section.list("address", listener.addresses, kListenAllowed, parse_listen_address);
  section.choice(
      "tls", listener.tls,
      {Tls{"starttls", ListenerTls::starttls}, Tls{"implicit", ListenerTls::implicit}, Tls{"none", ListenerTls::none}});
  section.boolean("require_tls", listener.require_tls);
  section.choice("auth", listener.auth,
                 {Auth{"tls", ListenerAuth::tls}, Auth{"clear", ListenerAuth::clear}, Auth{"off", ListenerAuth::off}});
  section.boolean("require_auth", listener.require_auth);
  section.list("trusted", listener.trusted, kNetworkAllowed, Network::parse);
  section.list("trusted_domains", listener.trusted_domains, kDomainRule.allowed, kDomainRule.check);
  section.list("proxy", listener.proxy, kNetworkAllowed, Network::parse);
  section.boolean("hide_client", listener.hide_client);
  listener.long_lines = asks_for_login(listener);
  section.boolean("long_lines", listener.long_lines);
  listener.normalise_line_ends = asks_for_login(listener);
  section.choice("line_ends", listener.normalise_line_ends, {LineEnds{"normalise", true}, LineEnds{"refuse", false}});
  section.choice("foreign_sender", listener.foreign_sender,
                 {Sender{"refuse", policy::ForeignSender::refuse}, Sender{"drop", policy::ForeignSender::drop}});
  section.choice("foreign_name", listener.foreign_name,
                 {Name{"refuse", policy::ForeignName::refuse}, Name{"mark", policy::ForeignName::mark},
                  Name{"allow", policy::ForeignName::allow}});
  section.milliseconds("greet_delay_ms", listener.greet_delay, 0, kGreetDelayMsMax);
  if (table == nullptr) return;
  if (!section.fills("address")) section.error("address", "is missing: where do clients come in?", kListenAllowed);
  check_tls(section, listener);
  check_who_may_send(section, listener);
}

}  // namespace sluice::config
