#include <algorithm>
#include <initializer_list>

#include "auth/sasl.h"
#include "engine/base/check.h"
#include "engine/config/sections.h"
#include "engine/net/proxy_protocol.h"
#include "engine/smtp/limits.h"
#include "engine/text/figures.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

// The port that mail has always come in at, the two of submission (RFC 6409, RFC 8314), and one
// that is often open where a network blocks those.
ListenerConfig default_listener(ListenerTls tls, std::initializer_list<std::uint16_t> ports) {
  ListenerConfig listener;
  listener.tls = tls;
  for (const std::uint16_t port : ports) {
    for (const std::string_view any : {"0.0.0.0", "::"}) {
      const auto address = io::Address::from_ip(any, port);
      CHECK(address.has_value());
      listener.addresses.push_back(*address);
    }
  }
  return listener;
}

// A client that could send here without being known makes an open relay; a listener on which no client can send is a
// mistake.
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

namespace {

// The default listeners, as they would be written.
std::string heading_of_listeners() {
  const auto addresses = [](const ListenerConfig& listener) {
    return text::list_in_quotes(listener.addresses, &io::Address::to_string);
  };
  const std::vector<ListenerConfig> defaults = default_listeners();
  return text::with_figures(R"(Where clients come in. Without any [[listener]] these two are in force:

[[listener]]
address = [$(starttls)]
tls = "starttls"

[[listener]]
address = [$(implicit)]
tls = "implicit"

Other addresses need a restart; the rest of a listener does not. All its keys:
)",
                            {{"starttls", addresses(defaults.at(0))}, {"implicit", addresses(defaults.at(1))}});
}

std::expected<std::string, std::string> check_mechanism(std::string_view text) {
  if (const auth::Mechanism* const mechanism = auth::find_mechanism(text)) return std::string(mechanism->name);
  return std::unexpected("is no mechanism");
}

std::string mechanism_names() { return text::list_in_quotes(auth::kMechanisms, &auth::Mechanism::name); }

void read_mechanisms(ConfigSection& section, ListenerConfig& listener) {
  section.about(
      "How clients log in: \"PLAIN\", \"LOGIN\"; \"OAUTHBEARER\" and \"XOAUTH2\", where [oauth] says how tokens are "
      "checked; and \"SCRAM-SHA-256\" (RFC 7677), which shows no password, and with "
      "which \"SCRAM-SHA-256-PLUS\" comes in TLS 1.3, where nobody can stand between (RFC 9266). SCRAM works with the "
      "store's own accounts alone, and is offered as soon as each of them that is not suspended has keys for it: a "
      "PLAIN login makes them (login.scram_iterations), and so does sluicectl account password. Device passwords have "
      "none: a device that picks SCRAM of its own accord is refused. \"CRAM-MD5\" is for old devices that know nothing "
      "better: it takes device passwords alone, and of these those that were made for it (sluicectl account device add "
      "--cram-md5). A program that picks it of its own accord with a mailbox's password is refused, so that it belongs "
      "on a listener for devices. \"EXTERNAL\" takes a certificate of the client's for a login, inside TLS: see "
      "client_ca.");
  if (section.fills("mechanisms")) listener.mechanisms.clear();
  section.list("mechanisms", listener.mechanisms, mechanism_names(), check_mechanism);
  if (section.has("mechanisms") && !section.fills("mechanisms"))
    section.error("mechanisms", "is empty: how would clients log in?", mechanism_names());
  if (listener.device_only && has_scram(listener))
    section.error("mechanisms", "device passwords have no keys for SCRAM, and device_only is true",
                  "\"PLAIN\" and \"LOGIN\"");
}

void read_client_certificates(ConfigSection& section, ListenerConfig& listener) {
  section.about(
      "The authorities (PEM, one or more) of certificates that clients log in with, by \"EXTERNAL\" among mechanisms. "
      "Clients are asked for a certificate then, and go on without one. It has to be signed by one of these "
      "directly, without MD5 or SHA-1, for client authentication; the system's authorities are never taken. It "
      "logs in the account of the store that has it (sluicectl account certificate add). No TLS session is resumed on "
      "this listener. A certificate that is revoked by its authority is good until it expires: no CRL is read.");
  section.example(R"("/etc/sluice/client-ca.pem")");
  section.text("client_ca", listener.client_ca, kAnyPathRule);
  section.about(
      "true: a certificate also logs in the account that its subjectAltName names by an address (rfc822Name). "
      "These authorities can then make a certificate for any account.");
  section.boolean("client_san", listener.client_san);
}

void check_client_certificates(const ConfigSection& section, const ListenerConfig& listener) {
  if (listener.client_san && listener.client_ca.empty())
    section.error("client_san", "is true where no client_ca is set", "true, with client_ca");
  if (has_external(listener) && listener.device_only)
    section.error("mechanisms", "EXTERNAL shows no device password, and device_only is true",
                  "\"PLAIN\" and \"LOGIN\"");
  if (has_external(listener) && listener.client_ca.empty())
    section.error("mechanisms", "EXTERNAL needs client_ca, the authorities of clients' certificates",
                  "EXTERNAL with client_ca");
  if (listener.client_ca.empty()) return;
  if (listener.tls == ListenerTls::none)
    section.error("client_ca", "is set where tls = \"none\": certificates are shown inside TLS",
                  "with tls = \"starttls\" or \"implicit\"");
  else if (!has_external(listener))
    section.error("client_ca", "is set, and EXTERNAL is not among mechanisms: nobody could log in with a certificate",
                  "with \"EXTERNAL\" among mechanisms");
  else if (!asks_for_login(listener))
    section.error("client_ca", "is set where no client can log in", "with auth = \"tls\" and require_auth = true");
}

void read_access(ConfigSection& section, ListenerConfig& listener) {
  using Tls = ConfigSection::Choice<ListenerTls>;
  using Auth = ConfigSection::Choice<ListenerAuth>;
  section.about(
      "\"starttls\": in clear at first, the client asks for TLS. \"implicit\": TLS from the first byte on. \"none\": "
      "never.");
  section.choice(
      "tls", listener.tls,
      {Tls{"starttls", ListenerTls::starttls}, Tls{"implicit", ListenerTls::implicit}, Tls{"none", ListenerTls::none}});
  section.about("Refuse everything before TLS, even from trusted networks.");
  section.boolean("require_tls", listener.require_tls);
  section.about(
      "\"tls\": log in inside TLS only. \"clear\": without TLS too, where others can read the password. \"off\": not "
      "at "
      "all.");
  section.choice("auth", listener.auth,
                 {Auth{"tls", ListenerAuth::tls}, Auth{"clear", ListenerAuth::clear}, Auth{"off", ListenerAuth::off}});
  section.about(
      "true: a client that is not in `trusted` has to log in. false: no client can, only `trusted` may send.");
  section.boolean("require_auth", listener.require_auth);
  section.about(
      "true: a mailbox's own password is taken for wrong; only device passwords are good (sluicectl account device).");
  section.boolean("device_only", listener.device_only);
  read_mechanisms(section, listener);
  read_client_certificates(section, listener);
  section.about(
      "The back ends that check passwords here, by their names, in this order. None: all, in their order. Device "
      "passwords are good on every listener.");
  section.example(R"(["mailboxes"])");
  section.list("back_ends", listener.backends, kNameRule.allowed, kNameRule.check);
  section.about(
      "Networks whose hosts need no login, and the domains that they may send as: \"example.com\" is that domain "
      "alone, "
      "\"*.example.com\" is all below it. No domains: any.");
  section.example(R"(["192.0.2.0/24", "2001:db8::/32"])");
  section.list("trusted", listener.trusted, kNetworkAllowed, Network::parse);
  section.example(R"(["example.com", "*.example.com"])");
  section.list("trusted_domains", listener.trusted_domains, kDomainRule.allowed, kDomainRule.check);
  section.about(
      "The policy class (see [[class]]) whose limits of = \"network\" count for all trusted hosts of this listener "
      "together. Empty: they have no limits but those of the whole relay.");
  section.text("trusted_class", listener.trusted_class, kClassOrNoneRule);
  section.about(text::with_figures(
      "Load balancers that speak the PROXY protocol (version 1 or 2, up to $(bytes) bytes behind the "
      "header of version 2): from these it is required, from all others it is refused.",
      {{"bytes", std::to_string(net::kProxyV2BodyBytesMax)}}));
  section.example(R"(["10.0.0.0/8"])");
  section.list("proxy", listener.proxy, kNetworkAllowed, Network::parse);
}

void read_content_rules(ConfigSection& section, ListenerConfig& listener) {
  using LineEnds = ConfigSection::Choice<bool>;
  using Sender = ConfigSection::Choice<policy::ForeignSender>;
  using Name = ConfigSection::Choice<policy::ForeignName>;
  section.about("Leave the client's address out of Received.");
  section.boolean("hide_client", listener.hide_client);
  section.about(text::with_figures(
      "Take lines of text that are longer than $(bytes) bytes (RFC 5322 section 2.1.1). Default: true where a login is "
      "asked for, else false.",
      {{"bytes", std::to_string(smtp::kTextLineBytesMax)}}));
  listener.long_lines = asks_for_login(listener);
  section.boolean("long_lines", listener.long_lines);
  section.about(
      "A line that ends in LF without CR: \"normalise\": its end becomes CRLF before anything else looks at it; "
      "\"refuse\". A CR without LF is always refused, and nothing but CRLF.CRLF ends a message. Default: \"normalise\" "
      "where a login is asked for, else \"refuse\".");
  listener.normalise_line_ends = asks_for_login(listener);
  section.choice("line_ends", listener.normalise_line_ends, {LineEnds{"normalise", true}, LineEnds{"refuse", false}});
  section.about(
      "A Sender, Author, Resent-From or Resent-Sender field that is not of the submitter's domains: \"refuse\" the "
      "message, or \"drop\" the field. Two Sender fields are refused.");
  section.choice("foreign_sender", listener.foreign_sender,
                 {Sender{"refuse", policy::ForeignSender::refuse}, Sender{"drop", policy::ForeignSender::drop}});
  section.about(
      "An address of another domain in the name or in a comment of From, where readers show it: \"refuse\" the "
      "message; "
      "\"mark\" it with a field X-Sluice-Foreign-Name; or \"allow\" it. One that is not in quotes is refused. So "
      "counts a "
      "name in a charset that is not known, and one whose letters are reordered.");
  section.choice("foreign_name", listener.foreign_name,
                 {Name{"refuse", policy::ForeignName::refuse}, Name{"mark", policy::ForeignName::mark},
                  Name{"allow", policy::ForeignName::allow}});
}

}  // namespace

bool has_scram(const ListenerConfig& listener) {
  return std::ranges::any_of(listener.mechanisms,
                             [](const std::string& name) { return auth::find_mechanism(name)->of_scram_keys; });
}

bool has_external(const ListenerConfig& listener) {
  return std::ranges::any_of(listener.mechanisms,
                             [](const std::string& name) { return auth::find_mechanism(name)->of_certificates; });
}

bool has_scram(const Config& config) {
  return std::ranges::any_of(config.listeners, [](const ListenerConfig& listener) { return has_scram(listener); });
}

std::vector<ListenerConfig> default_listeners() {
  return {default_listener(ListenerTls::starttls, {25, 587, 5190}), default_listener(ListenerTls::implicit, {465})};
}

void read_listener(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
                   ListenerConfig& listener) {
  constexpr std::int64_t kGreetDelayMsMax = 60'000;
  ConfigSection section(table, "listener", std::move(path), diagnostics);
  if (table == nullptr) section.heading(heading_of_listeners(), TableForm::listed);  // for the example alone
  section.example(R"(["0.0.0.0:587", "[::]:587"])");
  section.list("address", listener.addresses, kListenAllowed, parse_listen_address);
  read_access(section, listener);
  read_content_rules(section, listener);
  section.about("Wait before the greeting, and refuse a client that talks first. 0: neither.");
  section.milliseconds("greet_delay_ms", listener.greet_delay, 0, kGreetDelayMsMax);
  if (table == nullptr) return;
  if (!section.fills("address")) section.error("address", "is missing: where do clients come in?", kListenAllowed);
  check_tls(section, listener);
  check_client_certificates(section, listener);
  check_who_may_send(section, listener);
}

}  // namespace sluice::config
