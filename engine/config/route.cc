#include <algorithm>
#include <array>
#include <map>

#include "engine/config/sections.h"
#include "engine/text/figures.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::array<std::string_view, 3> kConditions{"recipients", "senders", "customers"};
constexpr std::int64_t kRouteCountMax = 100'000;
constexpr std::int64_t kWeightMin = 1;
constexpr std::int64_t kWeightMax = 1000;

// ------------------------------------------------------------------------------------- one route

// {host = "mx2.farm.example:25", weight = 3}
void read_host(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
               std::vector<route::NextHopHost>& hosts) {
  ConfigSection section(table, "route.hosts", std::move(path), diagnostics);
  std::string name;
  std::uint32_t weight = 1;
  section.text("host", name, kNextHopRule);
  section.integer("weight", weight, kWeightMin, kWeightMax);
  if (table == nullptr) return;
  if (!section.has("host")) section.error("host", "is missing: where does mail go on to?", kNextHopAllowed);
  if (auto host = parse_next_hop(name)) {
    host->weight = weight;
    hosts.push_back(*std::move(host));
  }
}

void read_hosts(ConfigSection& section, ConfigDiagnostics& diagnostics, std::vector<route::NextHopHost>& hosts) {
  using Kind = ConfigNode::Kind;
  read_host(nullptr, "", diagnostics, hosts);  // for the list of all keys
  for (const auto& element : section.elements("hosts", kNextHopAllowed, {Kind::text, Kind::table})) {
    if (element.node->kind == Kind::table) {
      read_host(element.node, element.path, diagnostics, hosts);
    } else if (auto host = parse_next_hop(element.node->text)) {
      hosts.push_back(*std::move(host));
    } else {
      section.wrong_text(element, host.error(), kNextHopAllowed);
    }
  }
  section.document("hosts", "[]");
}

void read_conditions(ConfigSection& section, route::RouteConditions& conditions) {
  section.about(
      "Conditions, not in the last route: of each list that is there, one entry must hold. \"example.com\" is that "
      "domain "
      "alone, \"*.example.com\" is all below it, \"[192.0.2.1]\" is an address literal, and \"<>\" is the sender of "
      "DSNs. Customers are those who have logged in; `trusted` hosts are none.");
  section.example(R"(["example.com", "*.example.com", "[192.0.2.1]"])");
  section.list("recipients", conditions.recipients, kRecipientRule.allowed, kRecipientRule.check);
  section.example(R"(["example.org", "<>"])");
  section.list("senders", conditions.senders, kSenderRule.allowed, kSenderRule.check);
  section.example(R"(["Example Ltd"])");
  section.list("customers", conditions.customers, kCustomerRule.allowed, kCustomerRule.check);
  for (const std::string_view key : kConditions) {
    if (section.has(key) && !section.fills(key)) {
      section.error(key, "is empty, so that no mail would take this route", "at least one, or no such key");
    }
  }
}

// Which hosts mail goes on to.
void read_kind(ConfigSection& section, ConfigDiagnostics& diagnostics, route::Route& route) {
  constexpr std::int64_t kPortMax = 65'535;
  section.about(text::with_figures(
      "\"HOST:PORT\"; without a port, $(port). Several are used in turn, by their weight ($(weight min) to $(weight "
      "max), "
      "else $(weight)), and one that fails is left alone for a while: {host = \"mx1.farm.example:25\", weight = 3}",
      {{"port", std::to_string(route::NextHopHost{}.port)},
       {"weight min", std::to_string(kWeightMin)},
       {"weight max", std::to_string(kWeightMax)},
       {"weight", std::to_string(route::NextHopHost{}.weight)}}));
  section.example(R"(["mx1.farm.example:25", "mx2.farm.example:25"])", Shown::in_force);
  read_hosts(section, diagnostics, route.hosts);
  section.about(
      "Instead of hosts: straight to the recipients' own servers, which DNS names (MX records), at this port, by IPv6 "
      "where there is any.");
  section.boolean("mx", route.mx);
  section.integer("port", route.port, 1, kPortMax);
  section.boolean("ipv6", route.ipv6);
  section.about("Instead of hosts: keep all mail here, in a Maildir. For trying things out.");
  section.text("maildir", route.maildir, kAnyPathRule);
}

// How a message goes: cut-through or store-and-forward, and what the next hop learns of the client.
void read_mode(ConfigSection& section, route::Route& route) {
  using Mode = ConfigSection::Choice<route::RouteMode>;
  using Dialog = ConfigSection::Choice<route::RouteDialog>;
  using Identify = ConfigSection::Choice<route::RouteIdentify>;
  constexpr std::int64_t kConcurrencyMax = 10'000;
  section.about(
      "When the client gets 250. \"through\" (cut-through delivery): when the next hop has taken the message, where "
      "all its recipients share one; nothing is written to a disk. \"store\" (store-and-forward): when it is in the "
      "spool; delivered from there.");
  section.choice("mode", route.mode,
                 {Mode{"through", route::RouteMode::through}, Mode{"store", route::RouteMode::store}});
  section.about(
      "With \"through\". \"late\": we answer for each recipient, and talk with the next hop once the message comes; "
      "recipients that it refuses then, where it takes others, are reported to the sender. \"eager\": the next hop is "
      "asked before each recipient is answered, which takes its time.");
  section.choice("dialog", route.dialog,
                 {Dialog{"late", route::RouteDialog::late}, Dialog{"eager", route::RouteDialog::eager}});
  section.about(
      "With \"through\", a next hop that fails or says 4xx: true: the message goes to the spool, and is tried again "
      "from "
      "there. false: the client gets 451, and keeps it.");
  section.boolean("fallback", route.fallback);
  section.about(
      "Pass the login on to the next hop: \"auth\" (the AUTH= of RFC 4954) or \"xclient\" (XCLIENT), where it offers "
      "that. Only for hosts of your own that take your word for it, and with tls = \"required\" unless the network in "
      "between is yours, too: else others can read your customers' logins there.");
  section.choice("identify", route.identify,
                 {Identify{"none", route::RouteIdentify::none}, Identify{"auth", route::RouteIdentify::auth},
                  Identify{"xclient", route::RouteIdentify::xclient}});
  section.about(text::with_figures(
      "Transmissions at one time, and messages begun in a second (0: no limit), to one destination from each core. A "
      "destination is the route or, with mx = true, one recipients' domain: then the default is $(mx) at one time.",
      {{"mx", std::to_string(kMxConcurrency)}}));
  if (route.mx) route.concurrency = kMxConcurrency;
  section.integer("concurrency", route.concurrency, 1, kConcurrencyMax);
  section.integer("rate_per_s", route.rate_per_s, 0, kRouteCountMax);
}

void read_security(ConfigSection& section, RouteConfig& config) {
  using Tls = ConfigSection::Choice<route::RouteTls>;
  route::Route& route = config.route;
  section.about(
      "\"none\"; \"opportunistic\": where the host offers it, whatever its certificate; \"required\": or nothing is "
      "sent.");
  section.choice("tls", route.tls,
                 {Tls{"none", route::RouteTls::none}, Tls{"opportunistic", route::RouteTls::opportunistic},
                  Tls{"required", route::RouteTls::required}});
  section.about("\"1.2\" or \"1.3\": with a host that speaks no version from here on, TLS fails.");
  section.choice("tls_min_version", route.tls_min_version, kTlsVersions);
  section.about("Where TLS is required: check the host's certificate, against these authorities (\"\": the system's).");
  section.boolean("verify", route.verify);
  section.text("ca_file", config.ca_file, kAnyPathRule);
  section.about(
      "Log in there. The password is the first line of the file. Needs tls = \"required\", unless all hosts are on "
      "this "
      "machine.");
  section.text("login", config.login, kLoginRule);
  section.text("password_file", config.password_file, kAnySecretRule);
}

void read_connection(ConfigSection& section, route::Route& route) {
  using EightBit = ConfigSection::Choice<route::RouteEightBit>;
  section.about("Send with BDAT (RFC 3030) where the host offers it.");
  section.boolean("chunking", route.chunking);
  section.about(
      "Text with bytes beyond ASCII, to a host that does not offer 8BITMIME: \"convert\" it to quoted-printable or "
      "base64, which no signature over it survives (that of a DKIM field, of multipart/signed); \"pass\" it on as it "
      "is; "
      "or \"refuse\" it. A message over 64 KB for such a host is written to the spool first, unless fallback = false.");
  section.choice("eight_bit", route.eight_bit,
                 {EightBit{"convert", route::RouteEightBit::convert}, EightBit{"pass", route::RouteEightBit::pass},
                  EightBit{"refuse", route::RouteEightBit::refuse}});
  section.about(
      "Sign mail that takes this route, where dkim.enabled says so; false where the next hop signs. What goes into a "
      "maildir is never signed.");
  section.boolean("sign", route.sign);
  section.about(
      "Connections to one host, from each core; messages on one connection (0: no limit); sessions of each core that "
      "may "
      "wait for a connection. After 10 messages on one connection Exim takes more, but leaves them to its next queue "
      "run; others close. Raise it for hosts of your own that do neither.");
  section.integer("connections_per_host", route.connections_per_host_max, 1, kRouteCountMax);
  section.integer("messages_per_connection", route.messages_per_connection_max, 0, kRouteCountMax);
  section.integer("waiting", route.waiting_max, 0, kRouteCountMax);
}

void read_timeouts(ConfigSection& section, route::Route& route) {
  constexpr std::int64_t kSecondsMax = 3600;
  section.about("Timeouts of a host (RFC 5321 section 4.5.3.2): to connect.");
  section.seconds("connect_s", route.connect_timeout, 1, kSecondsMax);
  section.about("How long a connection without use is kept.");
  section.seconds("idle_s", route.idle_timeout, 1, kSecondsMax);
  section.about("For its greeting, and its replies to EHLO, MAIL and RCPT.");
  section.seconds("reply_s", route.command_timeout, 1, kSecondsMax);
  section.about("For the 354 to DATA.");
  section.seconds("data_s", route.data_timeout, 1, kSecondsMax);
  section.about("To take a piece of the message.");
  section.seconds("block_s", route.block_timeout, 1, kSecondsMax);
  section.about("For its reply after the end of the message.");
  section.seconds("final_s", route.final_timeout, 1, kSecondsMax);
}

// hosts, mx and maildir: one of them.
void check_kind(const ConfigSection& section, const route::Route& route) {
  const route::Route defaults;
  if (!route.maildir.empty()) {
    if (section.fills("hosts") || route.mx) {
      section.error(
          "maildir",
          "keeps the mail here, so that " + std::string(route.mx ? "nobody is" : "hosts are never") + " asked",
          "one of hosts, mx = true and maildir");
    }
  } else if (route.mx) {
    if (section.fills("hosts")) {
      section.error("mx", "finds the recipients' own servers, so that hosts are never asked",
                    "one of hosts, mx = true and maildir");
    }
  } else if (!section.fills("hosts")) {
    section.error("hosts", "is missing: where does mail go on to?",
                  std::string(kNextHopAllowed) + "; or mx = true instead");
  }
  if (route.mx) return;
  if (route.port != defaults.port) {
    section.error("port", "has no effect: it is for the recipients' own servers",
                  "with mx = true; else behind the name in hosts");
  }
  if (route.ipv6 != defaults.ipv6) {
    section.error("ipv6", "has no effect: it is for the recipients' own servers", "with mx = true");
  }
}

void check_mode(const ConfigSection& section, const route::Route& route) {
  if (route.mode == route::RouteMode::store) {
    if (route.dialog == route::RouteDialog::eager) {
      section.error("dialog", "has no effect: with mode = \"store\" the client is gone by then",
                    "\"late\", or \"eager\" with mode = \"through\"");
    }
    if (!route.fallback) {
      section.error("fallback", "cannot be false: with mode = \"store\" all mail is in the spool",
                    "true, or false with mode = \"through\"");
    }
  }
  if (route.mx && route.identify != route::RouteIdentify::none) {
    section.error("identify", "would tell the servers of strangers who logs in here", "\"none\" with mx = true");
  }
}

void check_security(const ConfigSection& section, const RouteConfig& config) {
  const route::Route& route = config.route;
  if (route.tls == route::RouteTls::none && section.has("tls_min_version")) {
    section.error("tls_min_version", "has no effect where tls = \"none\"", "with another tls");
  }
  if (!config.ca_file.empty() && route.tls != route::RouteTls::required) {
    section.error("ca_file", "has no effect: certificates are only checked where tls = \"required\"",
                  "with tls = \"required\" and verify = true");
  }
  if (config.login.empty() != config.password_file.empty()) {
    const bool no_password = config.password_file.empty();
    section.error(no_password ? "login" : "password_file",
                  no_password ? "has no password_file to go with it" : "has no login to go with it",
                  "login and password_file, or neither");
  }
  if (config.login.empty()) return;
  if (route.mx) {
    section.error("login", "would be sent to the servers of strangers", "with hosts of your own");
  } else if (route.tls != route::RouteTls::required && !std::ranges::all_of(route.hosts, is_loopback)) {
    section.error("login", "would be sent in clear where STARTTLS is stripped on the way", "with tls = \"required\"");
  }
}

constexpr std::string_view kRouteHeading =
    R"(Where mail goes on to. Each recipient takes the first [[route]] in this file whose conditions all
hold. The last has none, and takes what is left; it may be the only one. Others stand before it:

[[route]]
name = "partner"
recipients = ["partner.example", "*.partner.example"]
hosts = ["mx.partner.example"]
tls = "required"

[[route]]
name = "direct"
customers = ["Example Ltd"]
mx = true
)";

void read_route(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics, RouteConfig& config) {
  ConfigSection section(table, "route", std::move(path), diagnostics);
  route::Route& route = config.route;
  section.heading(kRouteHeading, TableForm::listed);
  section.about("Its name in the log and in sluicectl. Each route has its own.");
  section.text("name", route.name, kNameRule);
  read_conditions(section, config.conditions);
  read_kind(section, diagnostics, route);
  read_mode(section, route);
  read_security(section, config);
  read_connection(section, route);
  read_timeouts(section, route);
  if (table == nullptr) return;
  check_kind(section, route);
  check_mode(section, route);
  check_security(section, config);
}

// ------------------------------------------------------------------------------------- all routes

const ConfigMember* member(const ConfigNode& table, std::string_view key) {
  const auto found = std::ranges::find(table.table, key, &ConfigMember::key);
  return found == table.table.end() ? nullptr : &*found;
}

std::string path_of(std::size_t index) { return "route[" + std::to_string(index + 1) + "]"; }

// The first whose conditions hold is taken: what comes behind one without any is never reached.
// Returns how many are.
std::size_t check_order(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics) {
  const auto is_open = [](const ConfigNode* table) {
    return std::ranges::none_of(kConditions, [&](std::string_view key) { return member(*table, key) != nullptr; });
  };
  const auto open = std::ranges::find_if(tables, is_open);
  if (open == tables.end()) {
    diagnostics.error(tables.back()->place, path_of(tables.size() - 1),
                      "has conditions, as all routes have: where does other mail go on to?",
                      "a last [[route]] without recipients, senders and customers");
    return tables.size();
  }
  const auto default_route = static_cast<std::size_t>(open - tables.begin());
  for (std::size_t i = default_route + 1; i < tables.size(); ++i) {
    diagnostics.error(tables[i]->place, path_of(i),
                      "can never match: " + path_of(default_route) + " has no conditions, so that all mail takes it",
                      "the one [[route]] without recipients, senders and customers last");
  }
  return default_route + 1;
}

// Of the first `count` routes.
void check_names(const std::vector<const ConfigNode*>& tables, const std::vector<RouteConfig>& routes,
                 std::size_t count, ConfigDiagnostics& diagnostics) {
  std::map<std::string_view, std::size_t> seen;  // name, the route that has it
  for (std::size_t i = 0; i < count; ++i) {
    const auto [first, fresh] = seen.emplace(routes[i].route.name, i);
    if (fresh) continue;
    const ConfigMember* name = member(*tables[i], "name");
    diagnostics.error(
        name == nullptr ? tables[i]->place : name->place, path_of(i) + ".name",
        text::in_quotes(routes[i].route.name) + " is there twice; the first is in " + path_of(first->second),
        "a name of its own for each route");
  }
}

}  // namespace

void read_routes(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                 std::vector<RouteConfig>& routes) {
  if (tables.empty()) {
    RouteConfig ignored;
    read_route(nullptr, "route", diagnostics, ignored);
    return;
  }
  for (std::size_t i = 0; i < tables.size(); ++i) read_route(tables[i], path_of(i), diagnostics, routes.emplace_back());
  check_names(tables, routes, check_order(tables, diagnostics), diagnostics);
  if (tables.size() > route::kRoutesMax) {
    diagnostics.error(tables[route::kRoutesMax]->place, path_of(route::kRoutesMax), "is one too many",
                      "up to " + std::to_string(route::kRoutesMax) + " routes");
  }
}

}  // namespace sluice::config
