#include "engine/config/sections.h"

#include <algorithm>

#include "engine/smtp/limits.h"

namespace sluice::config {
namespace {

constexpr std::int64_t kCountMax = 1'000'000;
constexpr std::int64_t kHourS = 3600;
constexpr std::int64_t kDayS = 24 * kHourS;
constexpr std::int64_t kMessageBytesCeiling = std::int64_t{10} << 30;
constexpr std::int64_t kHeaderBytesMin = 16 * 1024;
constexpr std::int64_t kHeaderBytesCeiling = 16 * 1024 * 1024;
constexpr std::int64_t kReceivedFieldsMin = 10;
constexpr std::int64_t kReceivedFieldsCeiling = 1000;

// Unfinished handshakes must leave room for sessions: their bound is below that of the sessions, and half of it where
// it is not set and the default would not be.
void check_handshakes(const ConfigSection& section, std::string_view key, std::uint32_t& handshakes,
                      std::string_view sessions_key, std::uint32_t sessions) {
  const std::uint32_t most = std::max(sessions - 1, 1U);
  if (handshakes <= most) return;
  if (section.has(key)) {
    section.error(key, "is not below " + std::string(sessions_key), "1 to " + std::to_string(most));
  } else {
    handshakes = std::max(sessions / 2, 1U);
  }
}

}  // namespace

void read_server(const ConfigNode* table, ConfigDiagnostics& diagnostics, ServerConfig& server) {
  constexpr std::int64_t kCoresMax = 1024;
  constexpr std::int64_t kWorkersMax = 256;
  ConfigSection section(table, "server", "server", diagnostics);
  section.text("hostname", server.hostname, kHostNameRule);
  section.integer("cores", server.cores, 0, kCoresMax);
  section.integer("workers", server.workers, 1, kWorkersMax);
  section.text("user", server.user, kUserRule);
  section.text("group", server.group, kUserRule);
  section.text("state_dir", server.state_dir, kPathRule);
  section.text("control", server.control, kSocketPathRule);
  section.text("policy_url", server.policy_url, kUrlRule);
  section.seconds("drain_s", server.drain, 0, kDayS);
}

void read_store(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                StoreConfig& store) {
  constexpr std::int64_t kCachedMin = 8;
  ConfigSection section(table, "store", "store", diagnostics);
  store.accounts = server.state_dir + "/accounts.db";
  section.text("accounts", store.accounts, kPathRule);
  section.integer("cached_logins", store.cached_logins, kCachedMin, kCountMax);
  section.seconds("granted_ttl_s", store.granted_ttl, 1, kDayS);
  section.seconds("refused_ttl_s", store.refused_ttl, 1, kHourS);
}

void read_tls(const ConfigNode* table, ConfigDiagnostics& diagnostics, TlsConfig& tls) {
  ConfigSection section(table, "tls", "tls", diagnostics);
  section.text("certificates", tls.certificates, kPathRule);
  section.text("default_host", tls.default_host, kHostNameRule);
  section.choice("min_version", tls.min_version, kTlsVersions);
  section.boolean("tickets", tls.tickets);
  section.integer("hosts_loaded", tls.hosts_loaded_max, 1, kCountMax);
}

void read_limits(const ConfigNode* table, ConfigDiagnostics& diagnostics, LimitsConfig& limits) {
  constexpr std::int64_t kTriesMax = 1000;
  constexpr std::int64_t kIpv6PrefixMin = 32;
  constexpr std::int64_t kIpv6PrefixMax = 128;
  ConfigSection section(table, "limits", "limits", diagnostics);
  section.integer("message_bytes", limits.message_bytes, smtp::kMessageBytesMin, kMessageBytesCeiling);
  section.integer("recipients_per_message", limits.recipients_per_message, 1, smtp::kRecipientsMaxCeiling);
  section.integer("recipients_over", limits.recipients_over, 1, kCountMax);
  section.integer("sessions_per_core", limits.sessions_per_core, 1, kCountMax);
  section.integer("sessions_per_address", limits.sessions_per_address, 1, kCountMax);
  section.integer("outgoing_per_core", limits.outgoing_per_core, 1, kCountMax);
  section.integer("handshakes_per_core", limits.handshakes_per_core, 1, kCountMax);
  section.integer("handshakes_per_address", limits.handshakes_per_address, 1, kCountMax);
  section.integer("ipv6_prefix", limits.ipv6_prefix, kIpv6PrefixMin, kIpv6PrefixMax);
  section.integer("header_bytes", limits.header_bytes, kHeaderBytesMin, kHeaderBytesCeiling);
  section.integer("received_fields", limits.received_fields, kReceivedFieldsMin, kReceivedFieldsCeiling);
  section.integer("bad_commands", limits.bad_commands, 1, kTriesMax);
  section.integer("idle_commands", limits.idle_commands, 1, kCountMax);
  section.integer("auth_failures", limits.auth_failures, 1, kTriesMax);
  section.seconds("idle_s", limits.idle, 1, kDayS);
  section.seconds("unauthenticated_s", limits.unauthenticated, 1, kDayS);
  section.seconds("handshake_s", limits.handshake, 1, kHourS);
  section.seconds("command_s", limits.command, 1, kHourS);
  section.seconds("data_s", limits.data, 1, kHourS);
  section.integer("data_bytes_per_s", limits.data_bytes_per_s, 0, kCountMax);
  section.seconds("reply_s", limits.reply, 1, kHourS);
  check_handshakes(section, "handshakes_per_core", limits.handshakes_per_core, "sessions_per_core",
                   limits.sessions_per_core);
  check_handshakes(section, "handshakes_per_address", limits.handshakes_per_address, "sessions_per_address",
                   limits.sessions_per_address);
}

void read_log(const ConfigNode* table, ConfigDiagnostics& diagnostics, LogConfig& log) {
  using Format = ConfigSection::Choice<log::LogFormat>;
  using Level = ConfigSection::Choice<event::Severity>;
  ConfigSection section(table, "log", "log", diagnostics);
  section.text("file", log.file, kLogFileRule);
  section.choice("format", log.format,
                 {Format{"json", log::LogFormat::json}, Format{"logfmt", log::LogFormat::logfmt}});
  section.choice("level", log.level,
                 {Level{"debug", event::Severity::debug}, Level{"info", event::Severity::info},
                  Level{"warning", event::Severity::warning}, Level{"error", event::Severity::error}});
}

}  // namespace sluice::config
