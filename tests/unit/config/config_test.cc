// The configuration file: its defaults and every key.
#include "engine/config/config.h"
#include "tests/unit/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::config {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::vector<io::Address>& addresses) {
  std::vector<std::string> all;
  for (const io::Address& address : addresses) all.push_back(address.to_string());
  return all;
}

TEST(Config, NeedsNothingButARoute) {
  const Config config = load(std::string(kRoute));
  EXPECT_EQ(config.server.hostname, "");
  EXPECT_EQ(config.server.cores, 0U);
  EXPECT_EQ(config.server.user, "sluice");
  EXPECT_EQ(config.server.state_dir, "/var/lib/sluice");
  EXPECT_EQ(config.server.control, "/run/sluice/control.sock");
  EXPECT_EQ(config.server.drain, 30s);
  EXPECT_EQ(config.store.accounts, "/var/lib/sluice/accounts.db");
  EXPECT_EQ(config.tls.certificates, "/etc/sluice/tls");
  EXPECT_EQ(config.tls.min_version, TlsVersion::tls_1_2);
  EXPECT_EQ(config.limits.message_bytes, 52'428'800U);
  EXPECT_EQ(config.limits.recipients_per_message, 100U);
  EXPECT_EQ(config.limits.idle, 300s);
  EXPECT_EQ(config.limits.bad_commands, 10U);
  EXPECT_EQ(config.limits.auth_failures, 3U);
  EXPECT_EQ(config.log.file, "-");
  EXPECT_EQ(config.log.format, log::LogFormat::json);
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].route.name, "default");
  EXPECT_EQ(config.routes[0].route.tls, route::RouteTls::opportunistic);
  EXPECT_TRUE(config.routes[0].route.verify);
  EXPECT_TRUE(config.routes[0].route.chunking);
  EXPECT_EQ(config.routes[0].route.connections_per_host_max, 20U);
  EXPECT_EQ(config.routes[0].route.idle_timeout, 60s);
  EXPECT_EQ(config.routes[0].route.messages_per_connection_max, 10U);
}

TEST(Config, ListensWhereMailComesInByDefault) {
  const Config config = load(std::string(kRoute));
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_THAT(texts(config.listeners[0].addresses),
              ElementsAre("0.0.0.0:25", "[::]:25", "0.0.0.0:587", "[::]:587", "0.0.0.0:5190", "[::]:5190"));
  EXPECT_EQ(config.listeners[0].tls, ListenerTls::starttls);
  EXPECT_THAT(texts(config.listeners[1].addresses), ElementsAre("0.0.0.0:465", "[::]:465"));
  EXPECT_EQ(config.listeners[1].tls, ListenerTls::implicit);
  for (const ListenerConfig& listener : config.listeners) {
    EXPECT_EQ(listener.auth, ListenerAuth::tls);
    EXPECT_TRUE(listener.require_auth);
    EXPECT_THAT(listener.trusted, IsEmpty());
    EXPECT_THAT(listener.proxy, IsEmpty());
  }
}

// No key has its default here.
const std::string kEveryKey = R"(
[server]
hostname = "Relay.Example.NET"
cores = 3
workers = 2
user = "mail"
group = "mail"
support_control = "/run/desk/control.sock"
support_group = "desk"
state_dir = "/srv/sluice"
control = "/srv/sluice/control"
policy_url = "https://example.net/policy"
drain_s = 5
[store]
accounts = "/srv/accounts.db"
cached_logins = 100
granted_ttl_s = 7
refused_ttl_s = 3
[tls]
certificates = "/srv/tls"
default_host = "relay.example.net"
min_version = "1.3"
tickets = false
hosts_loaded = 7
[limits]
message_bytes = 65536
recipients_per_message = 100
recipients_over = 5
header_bytes = 16384
received_fields = 30
sessions_per_core = 9
sessions_per_address = 4
handshakes_per_core = 8
handshakes_per_address = 3
ipv6_prefix = 56
bad_commands = 5
idle_commands = 6
auth_failures = 1
idle_s = 11
unauthenticated_s = 12
handshake_s = 13
command_s = 16
data_s = 14
data_bytes_per_s = 17
reply_s = 15
[[listener]]
address = ["192.0.2.1:2525", "[2001:db8::1]:2525"]
tls = "implicit"
require_tls = true
auth = "clear"
require_auth = false
trusted = ["192.0.2.0/24", "::1"]
trusted_domains = ["Example.com", "*.example.org"]
proxy = "10.0.0.0/8"
mechanisms = ["plain", "SCRAM-SHA-256"]
hide_client = true
long_lines = true
line_ends = "normalise"
foreign_sender = "drop"
foreign_name = "mark"
greet_delay_ms = 1500
[[route]]
name = "direct"
recipients = ["Example.COM", "*.example.com", "[IPv6:2001:DB8::1]"]
senders = ["<>", "b\u00fccher.example"]
customers = "Example Ltd"
mx = true
port = 2525
ipv6 = false
eight_bit = "refuse"
dialog = "eager"
fallback = false
rate_per_s = 7
[[route]]
name = "farm"
hosts = ["MX1.farm.example", {host = "192.0.2.1:2525", weight = 3}, "[2001:db8::2]:26", "[::1]"]
mode = "store"
identify = "xclient"
concurrency = 4
tls = "required"
tls_min_version = "1.3"
verify = false
ca_file = "/srv/ca.pem"
login = "relay"
password_file = "/srv/password"
chunking = false
connections_per_host = 2
messages_per_connection = 50
waiting = 0
connect_s = 1
idle_s = 2
reply_s = 3
data_s = 4
block_s = 5
final_s = 6
[spool]
directory = "/srv/spool"
durability = "unsynced"
segment_bytes = 8388608
free_bytes_min = 0
when_full = "cut_through"
memory_bytes = 65536
[queue]
retry_s = [60, 30, 3600]
jitter_percent = 0
expire_s = 7200
delay_report_s = 0
running = 3
suspend_first_s = 1
suspend_max_s = 2
[reports]
from = "postmaster@Example.net"
per_customer_hour = 5
route = "direct"
[dns]
servers = ["192.0.2.53", "192.0.2.54:5353", "2001:db8::53", "[2001:db8::54]", "[::1]:5353"]
timeout_ms = 1500
tries = 3
[log]
file = "/var/log/sluice.log"
format = "logfmt"
level = "debug"
)";

TEST(Config, ReadsEveryKeyOfTheServer) {
  const Config config = load(kEveryKey);
  EXPECT_EQ(config.server.hostname, "relay.example.net");
  EXPECT_EQ(config.server.cores, 3U);
  EXPECT_EQ(config.server.workers, 2U);
  EXPECT_EQ(config.server.group, "mail");
  EXPECT_EQ(config.server.support_control, "/run/desk/control.sock");
  EXPECT_EQ(config.server.support_group, "desk");
  EXPECT_EQ(config.server.policy_url, "https://example.net/policy");
  EXPECT_EQ(config.server.drain, 5s);
  EXPECT_EQ(config.store.cached_logins, 100U);
  EXPECT_EQ(config.store.granted_ttl, 7s);
  EXPECT_EQ(config.store.refused_ttl, 3s);
  EXPECT_EQ(config.tls.default_host, "relay.example.net");
  EXPECT_EQ(config.tls.min_version, TlsVersion::tls_1_3);
  EXPECT_FALSE(config.tls.tickets);
  EXPECT_EQ(config.tls.hosts_loaded_max, 7U);
  EXPECT_EQ(config.limits.message_bytes, 65536U);
  EXPECT_EQ(config.limits.recipients_over, 5U);
  EXPECT_EQ(config.limits.header_bytes, 16384U);
  EXPECT_EQ(config.limits.received_fields, 30U);
  EXPECT_EQ(config.limits.sessions_per_core, 9U);
  EXPECT_EQ(config.limits.sessions_per_address, 4U);
  EXPECT_EQ(config.limits.handshakes_per_core, 8U);
  EXPECT_EQ(config.limits.handshakes_per_address, 3U);
  EXPECT_EQ(config.limits.ipv6_prefix, 56U);
  EXPECT_EQ(config.limits.command, 16s);
  EXPECT_EQ(config.limits.data_bytes_per_s, 17U);
  EXPECT_EQ(config.limits.idle_commands, 6U);
  EXPECT_EQ(config.limits.idle, 11s);
  EXPECT_EQ(config.limits.unauthenticated, 12s);
  EXPECT_EQ(config.limits.handshake, 13s);
  EXPECT_EQ(config.limits.data, 14s);
  EXPECT_EQ(config.limits.reply, 15s);
  EXPECT_EQ(config.log.file, "/var/log/sluice.log");
  EXPECT_EQ(config.log.format, log::LogFormat::logfmt);
  EXPECT_EQ(config.log.level, event::Severity::debug);
}

// Handshakes that are not finished leave room for other sessions.
TEST(Config, HandshakesAreFewerThanSessions) {
  const Config config = load("[limits]\nsessions_per_address = 10\nsessions_per_core = 100\n" + std::string(kRoute));
  EXPECT_EQ(config.limits.handshakes_per_address, 5U);
  EXPECT_EQ(config.limits.handshakes_per_core, 50U);
  const Config one = load("[limits]\nsessions_per_address = 1\n" + std::string(kRoute));
  EXPECT_EQ(one.limits.handshakes_per_address, 1U);
}

TEST(Config, ReadsEveryKeyOfAListener) {
  const Config config = load(kEveryKey);
  ASSERT_EQ(config.listeners.size(), 1U);
  const ListenerConfig& listener = config.listeners[0];
  EXPECT_THAT(texts(listener.addresses), ElementsAre("192.0.2.1:2525", "[2001:db8::1]:2525"));
  EXPECT_EQ(listener.tls, ListenerTls::implicit);
  EXPECT_TRUE(listener.require_tls);
  EXPECT_EQ(listener.auth, ListenerAuth::clear);
  EXPECT_FALSE(listener.require_auth);
  ASSERT_EQ(listener.trusted.size(), 2U);
  EXPECT_EQ(listener.trusted[0].to_string(), "192.0.2.0/24");
  EXPECT_EQ(listener.trusted[1].to_string(), "::1");
  EXPECT_THAT(listener.trusted_domains, ElementsAre("example.com", "*.example.org"));
  ASSERT_EQ(listener.proxy.size(), 1U);
  EXPECT_EQ(listener.proxy[0].to_string(), "10.0.0.0/8");
  EXPECT_THAT(listener.mechanisms, ElementsAre("PLAIN", "SCRAM-SHA-256"));
  EXPECT_TRUE(listener.hide_client);
  EXPECT_TRUE(listener.long_lines);
  EXPECT_TRUE(listener.normalise_line_ends);
  EXPECT_EQ(listener.foreign_sender, policy::ForeignSender::drop);
  EXPECT_EQ(listener.foreign_name, policy::ForeignName::mark);
  EXPECT_EQ(listener.greet_delay, 1500ms);
}

// Old programs are among those that log in; who is trusted without a login is one's own host.
TEST(Config, IsLaxWithContentWhereALoginIsAskedForUnlessSet) {
  const std::string route = "[[route]]\nhosts = \"mx.farm.example\"\n";
  const std::string trusted = "address = \"192.0.2.1:25\"\ntrusted = \"192.0.2.0/24\"\n";
  struct Row {
    std::string listener;
    bool lax;
  };
  const Row rows[] = {
      {"", true},
      {"[[listener]]\n" + trusted, true},
      {"[[listener]]\n" + trusted + "require_auth = false\n", false},
      {"[[listener]]\n" + trusted + "auth = \"off\"\n", false},
      {"[[listener]]\n" + trusted + "long_lines = false\nline_ends = \"refuse\"\n", false},
      {"[[listener]]\n" + trusted + "require_auth = false\nlong_lines = true\nline_ends = \"normalise\"\n", true}};
  for (const Row& row : rows) {
    const Config config = load(row.listener + route);
    EXPECT_EQ(config.listeners.at(0).long_lines, row.lax) << row.listener;
    EXPECT_EQ(config.listeners.at(0).normalise_line_ends, row.lax) << row.listener;
    EXPECT_EQ(config.listeners.at(0).foreign_sender, policy::ForeignSender::refuse);
    EXPECT_EQ(config.listeners.at(0).foreign_name, policy::ForeignName::refuse);
  }
}

TEST(Config, ReadsEveryKeyOfARoute) {
  const Config config = load(kEveryKey);
  ASSERT_EQ(config.routes.size(), 2U);
  const RouteConfig& set = config.routes[1];
  const route::Route& route = set.route;
  EXPECT_EQ(route.name, "farm");
  EXPECT_TRUE(set.conditions.none());
  EXPECT_FALSE(route.mx);
  EXPECT_EQ(route.mode, route::RouteMode::store);
  EXPECT_EQ(route.identify, route::RouteIdentify::xclient);
  EXPECT_EQ(route.concurrency, 4U);
  EXPECT_EQ(route.hosts[0].weight, 1U);
  EXPECT_EQ(route.hosts[1].weight, 3U);
  ASSERT_EQ(route.hosts.size(), 4U);
  EXPECT_EQ(route.hosts[0].label(), "mx1.farm.example:25");
  EXPECT_EQ(route.hosts[1].label(), "192.0.2.1:2525");
  EXPECT_EQ(route.hosts[2].label(), "[2001:db8::2]:26");
  EXPECT_EQ(route.hosts[3].label(), "[::1]:25");
  EXPECT_EQ(route.tls, route::RouteTls::required);
  EXPECT_EQ(route.tls_min_version, TlsVersion::tls_1_3);
  EXPECT_FALSE(route.verify);
  EXPECT_EQ(set.ca_file, "/srv/ca.pem");
  EXPECT_EQ(set.login, "relay");
  EXPECT_EQ(set.password_file, "/srv/password");
  EXPECT_FALSE(route.chunking);
  EXPECT_EQ(config.routes[0].route.eight_bit, route::RouteEightBit::refuse);
  EXPECT_EQ(route.connections_per_host_max, 2U);
  EXPECT_EQ(route.messages_per_connection_max, 50U);
  EXPECT_EQ(route.waiting_max, 0U);
  EXPECT_EQ(route.connect_timeout, 1s);
  EXPECT_EQ(route.idle_timeout, 2s);
  EXPECT_EQ(route.command_timeout, 3s);
  EXPECT_EQ(route.data_timeout, 4s);
  EXPECT_EQ(route.block_timeout, 5s);
  EXPECT_EQ(route.final_timeout, 6s);
}

TEST(Config, ReadsConditionsAndTheWayWithoutHosts) {
  const Config config = load(kEveryKey);
  ASSERT_EQ(config.routes.size(), 2U);
  const RouteConfig& set = config.routes[0];
  const route::Route& route = set.route;
  EXPECT_EQ(route.name, "direct");
  EXPECT_THAT(set.conditions.recipients, ElementsAre("example.com", "*.example.com", "[ipv6:2001:db8::1]"));
  EXPECT_THAT(set.conditions.senders, ElementsAre("<>", "b\u00fccher.example"));
  EXPECT_THAT(set.conditions.customers, ElementsAre("Example Ltd"));
  EXPECT_TRUE(route.mx);
  EXPECT_EQ(route.port, 2525U);
  EXPECT_FALSE(route.ipv6);
  EXPECT_EQ(route.dialog, route::RouteDialog::eager);
  EXPECT_EQ(route.mode, route::RouteMode::through);
  EXPECT_FALSE(route.fallback);
  EXPECT_EQ(route.concurrency, kMxConcurrency);
  EXPECT_EQ(route.rate_per_s, 7U);
}

TEST(Config, ReadsEveryKeyOfTheSpoolAndTheQueue) {
  const Config config = load(kEveryKey);
  EXPECT_EQ(config.spool.directory, "/srv/spool");
  EXPECT_EQ(config.spool.durability, SpoolDurability::unsynced);
  EXPECT_EQ(config.spool.segment_bytes, 8'388'608U);
  EXPECT_EQ(config.spool.free_bytes_min, 0U);
  EXPECT_EQ(config.spool.when_full, SpoolWhenFull::cut_through);
  EXPECT_EQ(config.spool.memory_bytes, 65'536U);
  EXPECT_THAT(config.queue.retry, ElementsAre(60s, 30s, 3600s));
  EXPECT_EQ(config.queue.jitter_percent, 0U);
  EXPECT_EQ(config.queue.expire, 7200s);
  EXPECT_EQ(config.queue.delay_report, 0s);
  EXPECT_EQ(config.queue.running, 3U);
  EXPECT_EQ(config.queue.suspend_first, 1s);
  EXPECT_EQ(config.queue.suspend_max, 2s);
  EXPECT_EQ(config.reports.from, "postmaster@Example.net");
  EXPECT_EQ(config.reports.per_customer_hour, 5U);
  EXPECT_EQ(config.reports.route, "direct");
  EXPECT_THAT(texts(config.dns.servers),
              ElementsAre("192.0.2.53:53", "192.0.2.54:5353", "[2001:db8::53]:53", "[2001:db8::54]:53", "[::1]:5353"));
  EXPECT_EQ(config.dns.timeout, 1500ms);
  EXPECT_EQ(config.dns.tries, 3U);
}

TEST(Config, KeepsTheSpoolWithTheStateWhereNothingElseIsSaid) {
  EXPECT_EQ(load(std::string(kRoute)).spool.directory, SpoolConfig().directory);
  EXPECT_EQ(load("[server]\nstate_dir = \"/srv/x\"\n" + std::string(kRoute)).spool.directory, "/srv/x/spool");
}

TEST(Config, KeepsTheAccountsWithTheStateWhereNothingElseIsSaid) {
  EXPECT_EQ(load(std::string(kRoute)).store.accounts, StoreConfig().accounts);
  EXPECT_EQ(load("[server]\nstate_dir = \"/srv/x\"\n" + std::string(kRoute)).store.accounts, "/srv/x/accounts.db");
  EXPECT_EQ(load("[server]\nstate_dir = \"/srv/x\"\n[store]\naccounts = \"/srv/y.db\"\n" + std::string(kRoute))
                .store.accounts,
            "/srv/y.db");
}

TEST(Config, KnowsItsDefaultsOfTheQueue) {
  const Config config = load(std::string(kRoute));
  EXPECT_EQ(config.routes[0].route.mode, route::RouteMode::through);
  EXPECT_EQ(config.routes[0].route.dialog, route::RouteDialog::late);
  EXPECT_EQ(config.routes[0].route.identify, route::RouteIdentify::none);
  EXPECT_TRUE(config.routes[0].route.fallback);
  EXPECT_EQ(config.routes[0].route.concurrency, 20U);
  EXPECT_EQ(config.routes[0].route.rate_per_s, 0U);
  EXPECT_EQ(config.spool.durability, SpoolDurability::synced);
  EXPECT_EQ(config.spool.segment_bytes, 67'108'864U);
  EXPECT_EQ(config.spool.free_bytes_min, 536'870'912U);
  EXPECT_EQ(config.spool.when_full, SpoolWhenFull::refuse);
  EXPECT_EQ(config.spool.memory_bytes, 1'048'576U);
  EXPECT_THAT(config.queue.retry, ElementsAre(300s, 900s, 1800s, 3600s, 7200s, 14400s));
  EXPECT_EQ(config.queue.expire, 345'600s);
  EXPECT_EQ(config.queue.delay_report, 14'400s);
  EXPECT_EQ(config.queue.suspend_first, 60s);
  EXPECT_EQ(config.queue.suspend_max, 3600s);
  EXPECT_EQ(config.reports.from, "");
  EXPECT_EQ(config.reports.per_customer_hour, 200U);
  EXPECT_EQ(config.reports.route, "");
  EXPECT_THAT(config.dns.servers, IsEmpty());
  EXPECT_EQ(config.dns.timeout, 5s);
}

TEST(Config, ARouteToTheRecipientsServersIsThriftier) {
  const std::string mx = "[[route]]\nmx = true\n";
  EXPECT_EQ(load(mx).routes[0].route.concurrency, 10U);
  EXPECT_EQ(load(mx + "concurrency = 20\n").routes[0].route.concurrency, 20U);
}

TEST(Config, ALoginWithoutTlsIsFineOnThisMachine) {
  const Config config = load(
      "[[route]]\nhosts = [\"127.0.0.1:2525\", \"localhost\", \"[::1]:25\"]\nlogin = "
      "\"relay\"\npassword_file = \"/x\"\n");
  EXPECT_EQ(config.routes[0].login, "relay");
}

TEST(Config, MaildirStandsForHosts) {
  const Config config = load("[[route]]\nmaildir = \"/srv/mail\"\n");
  EXPECT_EQ(config.routes[0].route.maildir, "/srv/mail");
  EXPECT_THAT(config.routes[0].route.hosts, IsEmpty());
}

TEST(Config, ATrustedNetworkNeedsNoLoginAndOthersStillCan) {
  const Config config = load(
      "[[listener]]\naddress = \"127.0.0.1:2525\"\ntls = \"none\"\nauth = \"off\"\n"
      "trusted = \"127.0.0.0/8\"\n" +
      std::string(kRoute));
  EXPECT_TRUE(config.listeners[0].require_auth);
}

}  // namespace
}  // namespace sluice::config
