#include <algorithm>

#include "engine/core/config_sections.h"

namespace sluice::core {
namespace {

void check_hosts(const ConfigSection& section, const RouteConfig& route) {
  if (!route.maildir.empty()) {
    if (!route.hosts.empty()) {
      section.error("maildir", "keeps the mail here, so that hosts are never asked",
                    "either hosts or maildir");
    }
  } else if (!section.fills("hosts")) {
    section.error("hosts", "is missing: where does mail go on to?", kNextHopAllowed);
  }
}

void check_login(const ConfigSection& section, const RouteConfig& route) {
  if (route.login.empty() != route.password_file.empty()) {
    const bool no_password = route.password_file.empty();
    section.error(no_password ? "login" : "password_file",
                  no_password ? "has no password_file to go with it" : "has no login to go with it",
                  "login and password_file, or neither");
  }
  const bool only_here = std::ranges::all_of(route.hosts, is_loopback);
  if (!route.login.empty() && route.tls != relay::RouteTls::required && !only_here) {
    section.error("login", "would be sent without TLS to whoever strips STARTTLS",
                  "with tls = \"required\"");
  }
}

}  // namespace

void read_route(const ConfigNode* table, std::string path, ConfigReport& report,
                RouteConfig& route) {
  using Tls = ConfigSection::Choice<relay::RouteTls>;
  constexpr std::int64_t kCountMax = 100'000;
  constexpr std::int64_t kSecondsMax = 3600;
  ConfigSection section(table, "route", std::move(path), report);
  section.text("name", route.name, kNameRule);
  section.list("hosts", route.hosts, kNextHopAllowed, parse_next_hop);
  section.text("maildir", route.maildir, kAnyPathRule);
  section.choice(
      "tls", route.tls,
      {Tls{"none", relay::RouteTls::none}, Tls{"opportunistic", relay::RouteTls::opportunistic},
       Tls{"required", relay::RouteTls::required}});
  section.boolean("verify", route.verify);
  section.text("ca_file", route.ca_file, kAnyPathRule);
  section.text("login", route.login, kLoginRule);
  section.text("password_file", route.password_file, kAnyPathRule);
  section.boolean("chunking", route.chunking);
  section.integer("connections_per_host", route.connections_per_host, 1, kCountMax);
  section.integer("messages_per_connection", route.messages_per_connection, 0, kCountMax);
  section.integer("waiting", route.waiting, 0, kCountMax);
  section.seconds("connect_s", route.connect, 1, kSecondsMax);
  section.seconds("idle_s", route.idle, 1, kSecondsMax);
  section.seconds("reply_s", route.reply, 1, kSecondsMax);
  section.seconds("data_s", route.data, 1, kSecondsMax);
  section.seconds("block_s", route.block, 1, kSecondsMax);
  section.seconds("final_s", route.final, 1, kSecondsMax);
  if (table == nullptr) return;
  check_hosts(section, route);
  check_login(section, route);
  if (!route.ca_file.empty() && route.tls != relay::RouteTls::required) {
    section.error("ca_file",
                  "has no effect: certificates are only checked where tls = \"required\"",
                  "with tls = \"required\" and verify = true");
  }
}

}  // namespace sluice::core
