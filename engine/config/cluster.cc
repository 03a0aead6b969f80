// [cluster]: where several relays share what is used of the limits.
#include <algorithm>
#include <utility>

#include "engine/config/sections.h"

namespace sluice::config {
namespace {

constexpr std::string_view kClusterServerAllowed = "HOST, HOST:PORT or the path of a UNIX socket";
constexpr std::size_t kNodeBytesMax = 255;
constexpr std::size_t kPrefixBytesMax = 64;

bool is_word(std::string_view text, std::string_view marks) {
  return std::ranges::all_of(text, [marks](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || marks.contains(c);
  });
}

std::expected<std::string, std::string> check_node(std::string_view text) {
  if (text.size() > kNodeBytesMax || !is_word(text, "-_.")) return std::unexpected("is no name of a node");
  return std::string(text);
}
constexpr TextRule kNodeRule{check_node, "letters, digits, \"-\", \"_\" and \".\", up to 255 bytes"};

std::expected<std::string, std::string> check_prefix(std::string_view text) {
  if (text.empty() || text.size() > kPrefixBytesMax || !is_word(text, "-_.:"))
    return std::unexpected("is no prefix of keys");
  return std::string(text);
}
constexpr TextRule kPrefixRule{check_prefix, "letters, digits, \"-\", \"_\", \".\" and \":\", 1 to 64 bytes"};

// A name is looked up later; see policy/cluster/redis_connection.cc.
bool is_elsewhere(const policy::ClusterServer& server) {
  return !server.is_path() && io::Address::from_ip(server.host, 0).has_value() &&
         !is_loopback(route::NextHopHost{.name = server.host});
}

void read_cluster_servers(ConfigSection& section, ClusterConfig& cluster) {
  using Tls = ConfigSection::Choice<bool>;
  section.about(
      "Redis (6.2 or later) or Valkey: one server, several nodes of a Redis Cluster, or the Sentinels that know a "
      "master, whose name `sentinel` then is. \"HOST:PORT\", or the path of a UNIX socket; tried in order. "
      "Redirections of a Redis Cluster are followed. `tls` is \"implicit\", which checks the certificate for "
      "server_name or else the host, by the system's authorities or those in ca_file, or \"none\", at loopback "
      "addresses and UNIX sockets only.",
      Change::restart);
  section.example(R"(["redis.example.net:6379"])");
  section.list("server", cluster.servers, kClusterServerAllowed, parse_server<policy::ClusterServer>);
  section.text("sentinel", cluster.sentinel, kNodeRule);
  section.choice("tls", cluster.tls, {Tls{"implicit", true}, Tls{"none", false}});
  section.text("ca_file", cluster.ca_file, kAnyPathRule);
  section.text("server_name", cluster.server_name, kHostNameRule);
  section.about(
      "Who we are there (empty: the default user), and the file that the password is in. The user needs the keys "
      "PREFIX:*, the channel PREFIX:recall, and the commands fcall, function, script, evalsha, hset, hgetall, hdel, "
      "time, pexpire, publish, subscribe, ping, asking, and with a key_file xadd and xrange. Sentinels are asked "
      "without a password.",
      Change::restart);
  section.text("user", cluster.user, kLoginRule);
  section.text("password_file", cluster.password_file, kAnySecretRule);
  section.about(
      "With a key_file relays also share what [shield] counts, so that guessing at all of them is guessing at one, "
      "what accounts send, so that a thief who sends through several is noticed as one who sends through one, and the "
      "steps hold and suspend of class.notice, with what `sluicectl noticed release` and `shield release` lift. Its "
      "first line, the same at all relays and at least 32 bytes (openssl rand -base64 32), is the secret from which "
      "they make the key that their messages are sealed with: Redis sees no name, address or password in them, and can "
      "make none. The relays' clocks should agree. While no server answers each relay goes on with what it knows.",
      Change::restart);
  section.text("key_file", cluster.key_file, kAnySecretRule);
}

// What means nothing alone.
void check_cluster(const ConfigSection& section, ClusterConfig& cluster) {
  constexpr std::uint16_t kPort = 6379;
  constexpr std::uint16_t kSentinelPort = 26379;
  for (policy::ClusterServer& server : cluster.servers)
    if (!server.is_path() && server.port == 0) server.port = cluster.sentinel.empty() ? kPort : kSentinelPort;
  if (!cluster.tls && std::ranges::any_of(cluster.servers, is_elsewhere))
    section.error("tls",
                  "is \"none\", and a server is at no loopback address: who sends how much would go there in clear",
                  "\"implicit\"");
  if (!cluster.user.empty() && cluster.password_file.empty())
    section.error("user", "has no password_file to go with it", "user and password_file, or neither");
  if (section.fills("server")) return;
  for (const auto& [key, value] : {std::pair("sentinel", &cluster.sentinel),
                                   {"ca_file", &cluster.ca_file},
                                   {"server_name", &cluster.server_name},
                                   {"user", &cluster.user},
                                   {"password_file", &cluster.password_file},
                                   {"key_file", &cluster.key_file},
                                   {"node", &cluster.node}})
    if (!value->empty()) section.error(key, "means nothing without server", "no such key");
}

}  // namespace

void read_cluster(const ConfigNode* table, ConfigDiagnostics& diagnostics, ClusterConfig& cluster) {
  constexpr std::int64_t kPercentMax = 100;
  constexpr std::int64_t kTimeoutMinMs = 10;
  constexpr std::int64_t kTimeoutMaxMs = 30'000;
  constexpr std::int64_t kGraceMaxS = 60;
  ConfigSection section(table, "cluster", "cluster", diagnostics);
  section.heading(
      "Several relays that share what is used of the limits in [[class]]: no account sends more by using two of them,\n"
      "and a limit of the whole relay is one of all of them together. Without a server each relay counts for itself.");
  read_cluster_servers(section, cluster);
  section.about(
      "What keys and channels there begin with: the same for all relays that share limits. And the name of this relay, "
      "which no other one may have and which it should keep. Default: server.hostname.",
      Change::restart);
  section.text("prefix", cluster.prefix, kPrefixRule);
  section.text("node", cluster.node, kNodeRule);
  section.about(
      "While no server answers, each relay goes on with what it has leased, and beyond that until it has used so many "
      "percent of each limit itself; then recipients get 451, or what the limit does where it slows, holds or tells, "
      "and the log says so. What was used meanwhile is reported "
      "when a server answers again.",
      Change::restart);
  section.integer("local_share", cluster.local_share, 0, kPercentMax);
  section.about(
      "How long each question to a server may take, connecting included. And, once servers have lost their data, how "
      "long nothing is leased, so that all relays can report what they hold and have used: limits are then exceeded by "
      "at most that of those that did not report in time. New, empty servers are taken for such.",
      Change::restart);
  section.milliseconds("timeout_ms", cluster.timeout, kTimeoutMinMs, kTimeoutMaxMs);
  section.seconds("grace_s", cluster.grace, 1, kGraceMaxS);
  check_cluster(section, cluster);
}

}  // namespace sluice::config
