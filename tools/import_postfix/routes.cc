// [[route]] from relayhost, transport_maps, sender_dependent_relayhost_maps, default_transport and smtp(8)'s TLS and
// SASL settings.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "engine/base/network.h"
#include "engine/config/rules.h"
#include "engine/route/table.h"
#include "engine/smtp/ascii.h"
#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/lookup_table.h"
#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

// Mail waits here, and goes nowhere: RFC 6761 section 6.4 has no host of this name.
constexpr std::string_view kNowhere = "no-counterpart.invalid:25";
constexpr std::size_t kRoutesWrittenMax = route::kRoutesMax - 1;  // the last one has no conditions

struct NextHop {
  std::string transport;  // a service of master.cf
  std::string written;    // "[mx.example.com]:587", as other tables have it; empty: the recipient's own domain
  std::string host;       // for `hosts`; empty: by MX
  bool nowhere = false;
  bool by_mx_of = false;  // not in brackets: Postfix looks up MX records of it

  [[nodiscard]] std::string key() const { return transport + ":" + (nowhere ? "!" : written); }
};

// "[host]:port", "host:port", "host"; nothing: it is none.
std::optional<NextHop> parse_next_hop(std::string_view text, std::string_view transport) {
  NextHop hop{.transport = std::string(transport), .written = std::string(text), .host = {}};
  if (text.empty()) return hop;
  std::string host(text);
  std::string port;
  const std::size_t end = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  if (text.starts_with('[')) {
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (smtp::to_lower(host).starts_with("ipv6:")) host = host.substr(5);
  } else {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
    hop.by_mx_of = !parse_ip(host).has_value();
  }
  unsigned number = 25;
  if (!port.empty()) number = port.starts_with(':') ? port_of(std::string_view(port).substr(1)) : 0;
  if (number == 0) return std::nullopt;
  hop.host = (host.contains(':') ? "[" + host + "]" : host) + ":" + std::to_string(number);
  if (!config::parse_next_hop(hop.host)) return std::nullopt;
  return hop;
}

struct PlannedRoute {
  std::string name;
  std::vector<std::string> recipients;
  std::vector<std::string> senders;
  NextHop hop;
  std::vector<std::pair<std::string, std::string>> origins;  // place, what
};

struct Login {
  std::string name;
  std::string password;
  std::string place;
};

class RouteWriter {
 public:
  RouteWriter(const Postfix& postfix, Document& document, std::vector<SecretFile>& secrets)
      : postfix_(postfix), document_(document), secrets_(secrets), parameters_(postfix.main_cf) {}

  void write_all() {
    plan_transports();
    plan_senders();
    read_passwords();
    for (const PlannedRoute& route : planned_) write(route);
    write_default();
  }

 private:
  // The service of master.cf that a transport is; null: it does not speak SMTP, or is unknown.
  const Service* smtp_service(std::string_view transport) const {
    const Service* const service = postfix_.master_cf.find(transport, "unix");
    return service != nullptr && service->command == "smtp" ? service : nullptr;
  }

  // "smtp:[host]:port", ":host", "smtp:", "".
  NextHop hop_of(std::string_view value, std::string_view place) {
    const std::size_t colon = value.find(':');
    std::string_view transport = trimmed(value.substr(0, colon));
    const std::string_view written = colon == std::string_view::npos ? "" : trimmed(value.substr(colon + 1));
    const std::string by_default = parameters_.value("default_transport");
    if (transport.empty()) transport = std::string_view(by_default).substr(0, by_default.find(':'));
    const bool known = transport == "smtp" || transport == "relay" || smtp_service(transport) != nullptr;
    auto hop = known ? parse_next_hop(written, transport) : std::nullopt;
    if (!hop) {
      document_.decide(std::string(place) + ": " + (known ? "no host" : "a transport that does not speak SMTP") +
                       ": mail for this waits, and at last goes back to its sender; write where it goes");
      return {.transport = std::string(transport), .written = {}, .host = std::string(kNowhere), .nowhere = true};
    }
    return *std::move(hop);
  }

  // Of one table's entries, those that are about a domain: exact ones first, then the longer names of those below one.
  void plan_transports() {
    if (!show(parameters_, "transport_maps", document_)) return;
    const LookupTables tables = read_tables(parameters_.value("transport_maps"), postfix_.sources->read);
    say_unread("transport_maps", tables);
    std::map<std::pair<std::size_t, std::string>, PlannedRoute> groups;  // 0: exact; else 1000 - labels
    std::map<std::string, bool, std::less<>> seen;
    for (const TableEntry& entry : tables.entries) {
      if (entry.key == "*") {
        if (!everything_) everything_ = entry;
        continue;
      }
      const bool below = entry.key.starts_with('.');
      const auto pattern = config::kRecipientRule.check((below ? "*" : "") + entry.key);
      if (entry.key.contains('@') || !pattern) {
        document_.decide(entry.place + ": " + entry.key + ": routes are by domain here: this entry is left out");
        continue;
      }
      if (!seen.emplace(*pattern, true).second) continue;
      NextHop hop = hop_of(entry.value, entry.place);
      constexpr std::size_t kLabelsMax = 1000;
      const auto labels = static_cast<std::size_t>(std::ranges::count(*pattern, '.'));
      PlannedRoute& route = groups[{below ? kLabelsMax - std::min(labels, kLabelsMax - 1) : 0, hop.key()}];
      route.recipients.push_back(*pattern);
      route.origins.emplace_back(entry.place, entry.key + " " + entry.value);
      route.hop = std::move(hop);
    }
    for (auto& [key, route] : groups) plan(std::move(route), "transport");
  }

  void plan_senders() {
    if (!show(parameters_, "sender_dependent_relayhost_maps", document_)) return;
    const LookupTables tables =
        read_tables(parameters_.value("sender_dependent_relayhost_maps"), postfix_.sources->read);
    say_unread("sender_dependent_relayhost_maps", tables);
    std::map<std::string, bool, std::less<>> seen;
    for (const TableEntry& entry : tables.entries) {
      const auto domain =
          config::kSenderRule.check(std::string_view(entry.key).substr(entry.key.starts_with('@') ? 1 : 0));
      if (!entry.key.starts_with('@') || !domain || *domain == route::kNullSender) {
        document_.decide(entry.place + ": " + entry.key + ": routes are by the sender's domain here: left out");
        continue;
      }
      if (entry.value == "DUNNO" || !seen.emplace(*domain, true).second) continue;
      PlannedRoute route{.name = {},
                         .recipients = {},
                         .senders = {*domain},
                         .hop = hop_of(":" + entry.value, entry.place),
                         .origins = {}};
      route.origins.emplace_back(entry.place, entry.key + " " + entry.value);
      plan(std::move(route), "sender");
    }
  }

  void plan(PlannedRoute route, std::string_view kind) {
    if (planned_.size() >= kRoutesWrittenMax) {
      document_.decide("more routes than " + std::to_string(kRoutesWrittenMax) + ": the rest is left out");
      return;
    }
    route.name = std::string(kind) + "-" + std::to_string(planned_.size() + 1);
    planned_.push_back(std::move(route));
  }

  void say_unread(std::string_view name, const LookupTables& tables) {
    for (const std::string& table : tables.unread) document_.decide(std::string(name) + ": " + table);
  }

  void read_passwords() {
    if (!show(parameters_, "smtp_sasl_auth_enable", document_) || !parameters_.is_yes("smtp_sasl_auth_enable")) return;
    show(parameters_, "smtp_sasl_password_maps", document_);
    const LookupTables tables = read_tables(parameters_.value("smtp_sasl_password_maps"), postfix_.sources->read);
    say_unread("smtp_sasl_password_maps", tables);
    for (const TableEntry& entry : tables.entries) {
      const std::size_t colon = entry.value.find(':');
      if (entry.key.contains('@')) {
        document_.decide(entry.place + ": a login of one sender: a route has one login for all: left out");
      } else if (colon != std::string::npos && colon > 0) {
        logins_.emplace(smtp::to_lower(entry.key), Login{.name = entry.value.substr(0, colon),
                                                         .password = entry.value.substr(colon + 1),
                                                         .place = entry.place});
      }
    }
  }

  // By the next hop as it is written, or by its host alone.
  const Login* login_of(const NextHop& hop) const {
    if (hop.nowhere || hop.host.empty()) return nullptr;
    const std::string written = smtp::to_lower(hop.written);
    const std::string host = smtp::to_lower(hop.host.substr(0, hop.host.rfind(':')));
    for (const std::string& key : {written, host})
      if (const auto found = logins_.find(key); found != logins_.end()) return &found->second;
    return nullptr;
  }

  void write_default() {
    PlannedRoute route{.name = "default", .recipients = {}, .senders = {}, .hop = {}, .origins = {}};
    std::string value = parameters_.value("default_transport");
    if (show(parameters_, "default_transport", document_)) route.origins.emplace_back("default_transport", value);
    const bool has_hop = value.contains(':') && !value.ends_with(':');
    if (!has_hop && show(parameters_, "relayhost", document_)) {
      const std::vector<std::string> hosts = words_of(parameters_.value("relayhost"), Commas::separate);
      if (hosts.size() > 1) document_.decide("relayhost: only the first of several is taken: list all in hosts");
      if (!hosts.empty()) value = value.substr(0, value.find(':')) + ":" + hosts[0];
    }
    const auto relayhost = parameters_.set("relayhost");
    if (everything_) {
      route.origins.emplace_back(everything_->place, "* " + everything_->value);
      route.hop = hop_of(everything_->value, everything_->place);
    } else if (relayhost && !relayhost->error.empty()) {
      route.hop = {.transport = "smtp", .written = {}, .host = std::string(kNowhere), .nowhere = true};
    } else {
      route.hop = hop_of(value.contains(':') ? value : value + ":", "relayhost");
    }
    write(route);
  }

  void write(const PlannedRoute& route) {
    document_.section("[[route]]");
    for (const auto& [place, what] : route.origins) document_.from(place, what);
    document_.text("name", route.name);
    if (!route.recipients.empty()) document_.list("recipients", route.recipients);
    if (!route.senders.empty()) document_.list("senders", route.senders);
    if (route.hop.host.empty()) {
      document_.boolean("mx", true);
      const std::string protocols = parameters_.value("inet_protocols");
      const bool ipv6 = protocols.contains("ipv6") || protocols.contains("all");
      if (show(parameters_, "inet_protocols", document_) && !ipv6) document_.boolean("ipv6", false);
    } else {
      if (route.hop.by_mx_of)
        document_.decide("route " + route.name + ": Postfix looks up the MX hosts of " + route.hop.written +
                         ", as it is not in brackets; here it is the host itself: list these hosts instead");
      document_.list("hosts", {route.hop.host});
    }
    if (route.hop.nowhere) return;
    const Service* const service = smtp_service(route.hop.transport);
    const Parameters parameters(postfix_.main_cf, service == nullptr ? nullptr : &service->overrides);
    if (service != nullptr) {
      document_.from(service->place, service->name + " " + service->type + " ... " + service->command);
      document_.mark_shown(service->place, service->name);
    }
    write_security(route, parameters);
    write_route_numbers(parameters, document_);
  }

  void write_security(const PlannedRoute& route, const Parameters& parameters) {
    for (const std::string_view name : {"smtp_tls_security_level", "smtp_use_tls", "smtp_enforce_tls"})
      show(parameters, name, document_);
    if (show(parameters, "smtp_tls_policy_maps", document_))
      document_.decide("smtp_tls_policy_maps: a route has one policy: write a [[route]] for each that is stricter");
    std::string level = parameters.value("smtp_tls_security_level");
    if (level.empty())
      level = parameters.is_yes("smtp_enforce_tls") ? "verify" : parameters.is_yes("smtp_use_tls") ? "may" : "none";
    const bool mx = route.hop.host.empty();
    if (level == "dane")
      document_.decide(
          "smtp_tls_security_level = dane: no TLSA record is looked up here; " +
          std::string(mx ? "TLS where it is offered" : "TLS is required, without a check of the certificate"));
    const bool opportunistic = level == "may" || (level == "dane" && mx);
    const bool verified = level != "none" && level != "may" && level != "encrypt" && level != "dane";
    if (show(parameters, "smtp_tls_wrappermode", document_) && parameters.is_yes("smtp_tls_wrappermode"))
      document_.decide("route " + route.name +
                       ": TLS from the first byte on is not spoken to next hops: use a port with STARTTLS");
    const Login* const login = login_of(route.hop);
    const auto host = config::parse_next_hop(mx ? "localhost" : route.hop.host);
    const bool needs_tls = login != nullptr && !(host && config::is_loopback(*host));
    if (needs_tls && (level == "none" || opportunistic)) document_.note("A login needs TLS here.");
    const bool required = needs_tls || (level != "none" && !opportunistic);
    document_.text("tls", required ? "required" : opportunistic ? "opportunistic" : "none");
    write_versions(parameters, required, required || opportunistic);
    if (required) document_.boolean("verify", verified);
    if (required && verified) write_authorities(parameters);
    if (login != nullptr) write_login(route, *login);
  }

  void write_versions(const Parameters& parameters, bool mandatory, bool any) {
    const std::string_view name = mandatory ? "smtp_tls_mandatory_protocols" : "smtp_tls_protocols";
    if (any && show(parameters, name, document_))
      document_.text("tls_min_version", min_version_of(parameters.value(name)));
  }

  void write_authorities(const Parameters& parameters) {
    const std::string file = parameters.value("smtp_tls_CAfile");
    const bool given = show(parameters, "smtp_tls_CAfile", document_);
    if (given && config::kPathRule.check(file) && is_writable(file)) {
      document_.text("ca_file", file);
    } else if (given) {
      document_.decide("smtp_tls_CAfile is no path that can be written here: the system's authorities are trusted");
    } else {
      document_.note("The system's authorities are trusted.");
    }
  }

  void write_login(const PlannedRoute& route, const Login& login) {
    if (!config::kLoginRule.check(login.name) || !is_writable(login.name) || login.password.empty()) {
      document_.decide(login.place + ": a login that is not understood: left out");
      return;
    }
    const std::string name = route.name + ".password";
    document_.from(login.place, "a login of " + route.hop.written);
    document_.text("login", login.name);
    document_.text("password_file", postfix_.sources->secrets_directory + "/" + name);
    secrets_.push_back({.name = name, .text = login.password + "\n"});
  }

  const Postfix& postfix_;
  Document& document_;
  std::vector<SecretFile>& secrets_;
  Parameters parameters_;
  std::vector<PlannedRoute> planned_;
  std::optional<TableEntry> everything_;  // "*" of transport_maps
  std::map<std::string, Login, std::less<>> logins_;
};

}  // namespace

std::string_view min_version_of(std::string_view protocols) {
  const std::string lower = smtp::to_lower(protocols);
  std::string compact;
  std::ranges::copy_if(lower, std::back_inserter(compact), [](char c) { return !is_blank(c); });
  const bool only_1_3 = compact.contains(">=tlsv1.3") || compact.contains("!tlsv1.2") || compact == "tlsv1.3";
  return only_1_3 ? "1.3" : "1.2";
}

void write_routes(const Postfix& postfix, Document& document, std::vector<SecretFile>& secrets) {
  RouteWriter(postfix, document, secrets).write_all();
}

}  // namespace sluice::import_postfix
