// [[listener]] from the smtpd services of master.cf.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <utility>

#include "engine/base/network.h"
#include "engine/config/rules.h"
#include "engine/smtp/ascii.h"
#include "tools/import_postfix/access.h"
#include "tools/import_postfix/logical_lines.h"
#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

constexpr std::size_t kListenersMax = 100;

// "[::1]" or "127.0.0.1" with a port, as a listener has it; nothing: it is no address.
std::optional<std::string> with_port(std::string host, unsigned port) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto ip = parse_ip(host);
  if (!ip) return std::nullopt;
  const std::string address = (ip->size == 16 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  const auto parsed = config::parse_listen_address(address);
  return parsed ? std::optional(parsed->to_string()) : std::nullopt;
}

std::vector<std::string> hosts_of(std::string_view name) {
  if (name == "all") return {"0.0.0.0", "::"};
  if (name == "loopback-only" || name == "localhost") return {"127.0.0.1", "::1"};
  return {std::string(name)};
}

class ListenerWriter {
 public:
  ListenerWriter(const Postfix& postfix, Document& document) : postfix_(postfix), document_(document) {}

  void write_all() {
    for (const Service& service : postfix_.master_cf.services)
      if (is_listener(service) && written_ < kListenersMax) write(service);
    if (written_ > 0) return;
    document_.section("[[listener]]");
    document_.note(
        "No service of master.cf takes mail by SMTP from clients that may relay. Without any [[listener]] the usual "
        "ports would be open: this one is for this machine alone.");
    document_.list("address", {"127.0.0.1:587"});
    document_.text("tls", "starttls");
  }

 private:
  // Behind postscreen the smtpd with type "pass" does the talking.
  const Service& talking(const Service& service) const {
    const Service* const behind = service.command == "postscreen" ? postfix_.master_cf.find("smtpd", "pass") : nullptr;
    return behind != nullptr ? *behind : service;
  }

  bool is_taken(const std::string& address) {
    if (taken_.insert(address).second) return true;
    document_.note(address + ": is another listener's already");
    return false;
  }

  std::vector<std::string> addresses_of(const Service& service, const Parameters& parameters) {
    const std::size_t colon = service.name.rfind(':');
    const bool named = colon != std::string::npos;
    const unsigned port = port_of(named ? std::string_view(service.name).substr(colon + 1) : service.name);
    std::vector<std::string> hosts;
    if (named) {
      hosts = {service.name.substr(0, colon)};
      if (hosts[0].empty()) hosts = {"all"};
    } else {
      show(parameters, "inet_interfaces", document_);
      hosts = words_of(parameters.value("inet_interfaces"), Commas::separate);
    }
    if (port == 0) {
      document_.decide(service.place + ": the port of this service is not known: it is left out");
      return {};
    }
    return with_protocols(service, parameters, hosts, port);
  }

  std::vector<std::string> with_protocols(const Service& service, const Parameters& parameters,
                                          const std::vector<std::string>& hosts, unsigned port) {
    show(parameters, "inet_protocols", document_);
    const std::vector<std::string> protocols = words_of(parameters.value("inet_protocols"), Commas::separate);
    const auto has = [&](std::string_view name) {
      return std::ranges::find(protocols, name) != protocols.end() ||
             std::ranges::find(protocols, "all") != protocols.end();
    };
    std::vector<std::string> addresses;
    for (const std::string& name : hosts) {
      for (const std::string& host : hosts_of(name)) {
        const auto address = with_port(host, port);
        if (!address) {
          document_.decide(service.place + ": " + host + " is no address: a listener needs one, and goes without it");
        } else if (has(address->starts_with('[') ? "ipv6" : "ipv4") && is_taken(*address)) {
          addresses.push_back(*address);
        }
      }
    }
    return addresses;
  }

  struct Tls {
    bool implicit = false;
    bool offered = false;
    bool required = false;
  };
  Tls tls_of(const Parameters& parameters) {
    for (const std::string_view name :
         {"smtpd_tls_wrappermode", "smtpd_tls_security_level", "smtpd_use_tls", "smtpd_enforce_tls"})
      show(parameters, name, document_);
    const std::string level = parameters.value("smtpd_tls_security_level");
    Tls tls{.implicit = parameters.is_yes("smtpd_tls_wrappermode"), .offered = false, .required = false};
    tls.required = level.empty() ? parameters.is_yes("smtpd_enforce_tls") : level != "none" && level != "may";
    tls.offered = tls.required || level == "may" || (level.empty() && parameters.is_yes("smtpd_use_tls"));
    return tls;
  }

  // Mechanisms that both have; empty: nobody can log in.
  std::vector<std::string> mechanisms_of(const Parameters& parameters) {
    show(parameters, "smtpd_sasl_tls_security_options", document_);
    if (!parameters.set("smtpd_sasl_tls_security_options")) show(parameters, "smtpd_sasl_security_options", document_);
    std::vector<std::string> mechanisms{"PLAIN", "LOGIN"};
    const std::string options = parameters.value("smtpd_sasl_tls_security_options");
    const std::vector<std::string> words = words_of(options, Commas::separate);
    for (const std::string_view narrow :
         {"noplaintext", "noactive", "nodictionary", "mutual_auth", "forward_secrecy"}) {
      if (std::ranges::find(words, narrow) == words.end()) continue;
      document_.decide("smtpd_sasl_tls_security_options: \"" + std::string(narrow) +
                       "\" excludes PLAIN and LOGIN, and these are all that is imported: nobody can log in here");
      mechanisms.clear();
    }
    if (show(parameters, "smtpd_sasl_mechanism_filter", document_)) {
      const std::vector<std::string> filter =
          words_of(smtp::to_lower(parameters.value("smtpd_sasl_mechanism_filter")), Commas::separate);
      const bool rest = std::ranges::find(filter, "static:rest") != filter.end();
      std::erase_if(mechanisms, [&](const std::string& name) {
        const std::string lower = smtp::to_lower(name);
        const bool excluded = std::ranges::find(filter, "!" + lower) != filter.end();
        return excluded || (!rest && std::ranges::find(filter, lower) == filter.end());
      });
    }
    return mechanisms;
  }

  void write(const Service& service) {
    const Parameters parameters(postfix_.main_cf, &talking(service).overrides);
    show_service(service);
    for (const std::string_view name : {"smtpd_upstream_proxy_protocol", "postscreen_upstream_proxy_protocol"}) {
      if (!show(parameters, name, document_) || parameters.value(name).empty()) continue;
      document_.decide(service.place + ": no listener: its load balancer would count as the client. Write one with " +
                       "proxy = the balancer's networks, and these in no trusted");
      return;
    }
    const std::vector<std::string> addresses = addresses_of(service, parameters);
    Access access = access_of(parameters);
    const std::vector<std::string> networks = trusted_of(parameters, access);
    std::vector<std::string> mechanisms;
    if (access.logins && show(parameters, "smtpd_sasl_auth_enable", document_) &&
        parameters.is_yes("smtpd_sasl_auth_enable"))
      mechanisms = mechanisms_of(parameters);
    if (addresses.empty() || (networks.empty() && mechanisms.empty())) {
      document_.note(addresses.empty() ? "No listener: no address is left."
                                       : "No listener: nobody may relay there, by a login or by address.");
      return;
    }
    write_open(parameters, addresses, networks, mechanisms);
  }

  void show_service(const Service& service) {
    document_.section("# " + std::string(60, '-'));
    document_.from(service.place, service.name + " " + service.type + " ... " + service.command);
    document_.mark_shown(service.place, service.name);
    for (const Parameter& each : talking(service).overrides)
      document_.note("-o " + (is_known(each.name) ? shown_setting(each.name, each.value) : each.name + "=..."));
  }

  std::vector<std::string> trusted_of(const Parameters& parameters, const Access& access) {
    for (const std::string_view list :
         {"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
          "smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
          "smtpd_end_of_data_restrictions"})
      show(parameters, list, document_);
    for (const std::string& note : access.notes) document_.note(note);
    for (const std::string& decision : access.decisions) document_.decide(decision);
    if (!access.networks) return {};
    if (!show(parameters, "mynetworks", document_)) show(parameters, "mynetworks_style", document_);
    TrustedNetworks trusted = networks_of(parameters);
    for (const std::string& note : trusted.notes) document_.decide(note);
    return std::move(trusted.networks);
  }

  void write_open(const Parameters& parameters, const std::vector<std::string>& addresses,
                  const std::vector<std::string>& networks, const std::vector<std::string>& mechanisms) {
    const bool logins = !mechanisms.empty();
    const Tls tls = tls_of(parameters);
    document_.section("[[listener]]");
    document_.list("address", addresses);
    if (tls.implicit) {
      document_.text("tls", "implicit");
    } else if (tls.offered || logins) {
      if (!tls.offered) document_.note("Postfix offers no TLS here. Logins need it, so that no password is seen.");
      document_.text("tls", "starttls");
      document_.boolean("require_tls", tls.required);
    } else {
      document_.text("tls", "none");
    }
    if (logins) {
      if (!show(parameters, "smtpd_tls_auth_only", document_) || !parameters.is_yes("smtpd_tls_auth_only"))
        document_.note("Postfix takes logins without TLS, too; here \"clear\" would.");
      document_.text("auth", "tls");
      document_.list("mechanisms", mechanisms);
    } else {
      document_.text("auth", "off");
    }
    document_.boolean("require_auth", logins);
    if (!networks.empty()) document_.list("trusted", networks);
    ++written_;
  }

  const Postfix& postfix_;
  Document& document_;
  std::set<std::string> taken_;
  std::size_t written_ = 0;
};

}  // namespace

bool is_listener(const Service& service) {
  return service.type == "inet" && (service.command == "smtpd" || service.command == "postscreen");
}

unsigned port_of(std::string_view service) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 7> kNames{{{"smtp", 25},
                                                                         {"25", 25},
                                                                         {"submission", 587},
                                                                         {"smtps", 465},
                                                                         {"submissions", 465},
                                                                         {"urd", 465},
                                                                         {"ssmtp", 465}}};
  for (const auto& [name, port] : kNames)
    if (name == service) return port;
  const auto address = config::parse_listen_address("0.0.0.0:" + std::string(service));
  return address ? address->port() : 0;
}

void write_listeners(const Postfix& postfix, Document& document) { ListenerWriter(postfix, document).write_all(); }

}  // namespace sluice::import_postfix
