#include <algorithm>
#include <array>
#include <map>

#include "engine/config/sections.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

constexpr std::array<std::string_view, 3> kConditions{"recipients", "senders", "customers"};
constexpr std::int64_t kCountMax = 100'000;

// ------------------------------------------------------------------------------------- one route

// {host = "mx2.farm.example:25", weight = 3}
void read_host(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics,
               std::vector<route::NextHopHost>& hosts) {
  constexpr std::int64_t kWeightMax = 1000;
  ConfigSection section(table, "route.hosts", std::move(path), diagnostics);
  std::string name;
  std::uint32_t weight = 1;
  section.text("host", name, kNextHopRule);
  section.integer("weight", weight, 1, kWeightMax);
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
}

void read_conditions(ConfigSection& section, route::RouteConditions& conditions) {
  section.list("recipients", conditions.recipients, kRecipientRule.allowed, kRecipientRule.check);
  section.list("senders", conditions.senders, kSenderRule.allowed, kSenderRule.check);
  section.list("customers", conditions.customers, kCustomerRule.allowed, kCustomerRule.check);
  for (const std::string_view key : kConditions) {
    if (section.has(key) && !section.fills(key)) {
      section.error(key, "is empty, so that no mail would take this route", "at least one, or no such key");
    }
  }
}

void read_way(ConfigSection& section, RouteConfig& route) {
  using Mode = ConfigSection::Choice<route::RouteMode>;
  using Dialog = ConfigSection::Choice<route::RouteDialog>;
  using Identify = ConfigSection::Choice<route::RouteIdentify>;
  constexpr std::int64_t kPortMax = 65'535;
  constexpr std::int64_t kConcurrencyMax = 10'000;
  section.boolean("mx", route.mx);
  section.integer("port", route.port, 1, kPortMax);
  section.boolean("ipv6", route.ipv6);
  section.text("maildir", route.maildir, kAnyPathRule);
  section.choice("mode", route.mode,
                 {Mode{"through", route::RouteMode::through}, Mode{"store", route::RouteMode::store}});
  section.choice("dialog", route.dialog,
                 {Dialog{"late", route::RouteDialog::late}, Dialog{"eager", route::RouteDialog::eager}});
  section.choice("identify", route.identify,
                 {Identify{"none", route::RouteIdentify::none}, Identify{"auth", route::RouteIdentify::auth},
                  Identify{"xclient", route::RouteIdentify::xclient}});
  section.boolean("fallback", route.fallback);
  if (route.mx) route.concurrency = kMxConcurrency;
  section.integer("concurrency", route.concurrency, 1, kConcurrencyMax);
  section.integer("rate_per_s", route.rate_per_s, 0, kCountMax);
}

void read_connection(ConfigSection& section, RouteConfig& route) {
  using Tls = ConfigSection::Choice<route::RouteTls>;
  using EightBit = ConfigSection::Choice<route::RouteEightBit>;
  constexpr std::int64_t kSecondsMax = 3600;
  section.choice("tls", route.tls,
                 {Tls{"none", route::RouteTls::none}, Tls{"opportunistic", route::RouteTls::opportunistic},
                  Tls{"required", route::RouteTls::required}});
  section.choice("tls_min_version", route.tls_min_version, kTlsVersions);
  section.boolean("verify", route.verify);
  section.text("ca_file", route.ca_file, kAnyPathRule);
  section.text("login", route.login, kLoginRule);
  section.text("password_file", route.password_file, kAnyPathRule);
  section.boolean("chunking", route.chunking);
  section.choice("eight_bit", route.eight_bit,
                 {EightBit{"convert", route::RouteEightBit::convert}, EightBit{"pass", route::RouteEightBit::pass},
                  EightBit{"refuse", route::RouteEightBit::refuse}});
  section.integer("connections_per_host", route.connections_per_host, 1, kCountMax);
  section.integer("messages_per_connection", route.messages_per_connection, 0, kCountMax);
  section.integer("waiting", route.waiting, 0, kCountMax);
  section.seconds("connect_s", route.connect, 1, kSecondsMax);
  section.seconds("idle_s", route.idle, 1, kSecondsMax);
  section.seconds("reply_s", route.reply, 1, kSecondsMax);
  section.seconds("data_s", route.data, 1, kSecondsMax);
  section.seconds("block_s", route.block, 1, kSecondsMax);
  section.seconds("final_s", route.final, 1, kSecondsMax);
}

// hosts, mx and maildir: one of them.
void check_kind(const ConfigSection& section, const RouteConfig& route) {
  const RouteConfig defaults;
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

void check_way(const ConfigSection& section, const RouteConfig& route) {
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

void check_login(const ConfigSection& section, const RouteConfig& route) {
  if (route.login.empty() != route.password_file.empty()) {
    const bool no_password = route.password_file.empty();
    section.error(no_password ? "login" : "password_file",
                  no_password ? "has no password_file to go with it" : "has no login to go with it",
                  "login and password_file, or neither");
  }
  if (route.login.empty()) return;
  if (route.mx) {
    section.error("login", "would be sent to the servers of strangers", "with hosts of your own");
  } else if (route.tls != route::RouteTls::required && !std::ranges::all_of(route.hosts, is_loopback)) {
    section.error("login", "would be sent without TLS where an attacker strips STARTTLS", "with tls = \"required\"");
  }
}

void read_route(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics, RouteConfig& route) {
  ConfigSection section(table, "route", std::move(path), diagnostics);
  section.text("name", route.name, kNameRule);
  read_conditions(section, route.conditions);
  read_hosts(section, diagnostics, route.hosts);
  read_way(section, route);
  read_connection(section, route);
  if (table == nullptr) return;
  check_kind(section, route);
  check_way(section, route);
  check_login(section, route);
  if (route.tls == route::RouteTls::none && section.has("tls_min_version")) {
    section.error("tls_min_version", "has no effect where tls = \"none\"", "with another tls");
  }
  if (!route.ca_file.empty() && route.tls != route::RouteTls::required) {
    section.error("ca_file", "has no effect: certificates are only checked where tls = \"required\"",
                  "with tls = \"required\" and verify = true");
  }
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
    const auto [first, fresh] = seen.emplace(routes[i].name, i);
    if (fresh) continue;
    const ConfigMember* name = member(*tables[i], "name");
    diagnostics.error(name == nullptr ? tables[i]->place : name->place, path_of(i) + ".name",
                      text::in_quotes(routes[i].name) + " is there twice; the first is in " + path_of(first->second),
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
