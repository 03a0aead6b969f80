#include "engine/config/sections.h"

#include <algorithm>

#include "auth/scram.h"
#include "engine/smtp/limits.h"
#include "engine/text/figures.h"

namespace sluice::config {
namespace {

constexpr std::int64_t kCountMax = 1'000'000;
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
  section.about("The name in the greeting and in Received. Default: the machine's full name.");
  section.example("\"relay.example.net\"");
  section.text("hostname", server.hostname, kHostNameRule);
  section.about("Threads that relay mail, one on each CPU. 0: as many as there are CPUs.", Change::restart);
  section.integer("cores", server.cores, 0, kCoresMax);
  section.about("Threads for what would make a core wait: the accounts' file, name look-ups.", Change::restart);
  section.integer("workers", server.workers, 1, kWorkersMax);
  section.about(
      "The user to become after the ports are open, when started as root; an empty group is the user's own. Members of "
      "the group may use the control socket.",
      Change::restart);
  section.text("user", server.user, kUserRule);
  section.text("group", server.group, kUserRule);
  section.about("Where what must outlive a restart is kept, and the socket that sluicectl talks to.", Change::restart);
  section.text("state_dir", server.state_dir, kPathRule);
  section.text("control", server.control, kSocketPathRule);
  section.about(
      "A second socket, for a support desk: there sluicectl (with --control) may look, but change nothing and read no "
      "message. Members of the group may use it; an empty one is that of the other socket. It needs a directory that "
      "they may enter, which is made where it is missing.",
      Change::restart);
  section.example("\"/run/sluice-support/control.sock\"");
  section.text("support_control", server.support_control, kSocketPathRule);
  section.example("\"support\"");
  section.text("support_group", server.support_group, kUserRule);
  const auto directory_of = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
  const bool other_group = !server.support_group.empty() && server.support_group != server.group;
  if (!server.support_control.empty() && other_group &&
      directory_of(server.support_control) == directory_of(server.control))
    section.error("support_control", "is in the directory of the other socket, which is for another group",
                  "a path in a directory of its own");
  if (server.support_control.empty() && !server.support_group.empty())
    section.error("support_group", "has no support_control to go with it", "support_control, or neither");
  section.about("A page that explains your policy. Refusals for a limit name it.");
  section.example("\"https://www.example.net/mail-policy\"");
  section.text("policy_url", server.policy_url, kUrlRule);
  section.about(
      "At a stop, how long sessions may take to finish; then clients get 421, or 250 where their message is "
      "kept.");
  section.seconds("drain_s", server.drain, 0, kDayS);
}

void read_store(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                StoreConfig& store) {
  constexpr std::int64_t kCachedMin = 8;
  constexpr std::int64_t kHashThreadsMax = 256;
  ConfigSection section(table, "store", "store", diagnostics);
  section.about(
      "Customers, domains and accounts: a file that `sluicectl customer`, `domain` and `account` edit. Default: "
      "\"accounts.db\" in server.state_dir.",
      Change::restart);
  store.accounts = server.state_dir + "/accounts.db";
  section.text("accounts", store.accounts, kPathRule);
  read_store_server(section, store.server);
  section.about(
      "Threads for password hashes: they take the CPU that nothing else wants. Each keeps the memory of its last hash "
      "(19 MiB for one that the relay has made, 64 MiB at most) until it has had nothing to do for half a minute.",
      Change::restart);
  section.integer("hash_threads", store.hash_threads, 1, kHashThreadsMax);
  section.about(
      "How many logins each core remembers, and for how long: right ones, wrong ones. What sluicectl changes is "
      "noticed "
      "within a second all the same.",
      Change::restart);
  section.integer("cached_logins", store.cached_logins, kCachedMin, kCountMax);
  section.seconds("granted_ttl_s", store.granted_ttl, 1, kDayS);
  section.seconds("refused_ttl_s", store.refused_ttl, 1, kHourS);
  section.about(
      "While a back end is unavailable, logins that it granted go on for so long after that, with the same password, "
      "as "
      "far as they are still remembered; the log says so. A back end that answers, and sluicectl, end that at once. 0, "
      "or no more than granted_ttl_s: they are refused for now, as all others are.",
      Change::restart);
  section.seconds("grace_s", store.grace, 0, 7 * kDayS);
}

void read_login(const ConfigNode* table, ConfigDiagnostics& diagnostics, LoginConfig& login) {
  auth::LoginNameRules& names = login.names;
  ConfigSection section(table, "login", "login", diagnostics);
  section.about(
      "How a login name is rewritten before anybody is asked about it; back ends, cache and limits know the rewritten "
      "name, and the log shows both. A domain for names that have none (empty: they stay so); \"%\" for \"@\" where a "
      "program takes no \"@\" in a name; lower case; and without a tag: tim+shop@example.com is tim@example.com. "
      "Blanks around a name and its last \"@\" are dropped in any case, and letters of other widths are as SASLprep "
      "(RFC 4013) has them.");
  section.example("\"example.com\"");
  section.text("default_domain", names.default_domain, kHostNameRule);
  section.boolean("percent_as_at", names.percent_as_at);
  section.boolean("lower_case", names.lower_case);
  section.boolean("drop_plus_tags", names.drop_plus_tags);
  section.about(
      "Where a listener has SCRAM among its mechanisms, a password gets keys for it when it is right at a login "
      "by PLAIN or LOGIN, or is set with sluicectl (but not where --store takes the configuration's place): so "
      "many iterations of PBKDF2 away from it. Each client has to compute as many at each login. With a copy of "
      "the store, passwords can be tried against these keys at less cost than against its argon2id hashes.");
  section.integer("scram_iterations", login.scram_iterations, auth::kScramIterationsMin, auth::kScramIterationsMax);
}

void read_tls(const ConfigNode* table, ConfigDiagnostics& diagnostics, TlsConfig& tls) {
  ConfigSection section(table, "tls", "tls", diagnostics);
  section.about(
      "A directory as ACME clients write it: HOST/fullchain.pem and HOST/privkey.pem, a wildcard's under "
      "_.example.com. A host may have a pair with another kind of key besides, HOST/fullchain.ecdsa.pem and "
      "HOST/privkey.ecdsa.pem (or .rsa.pem): each client gets the one that it takes. HOST/policy_url, with an address "
      "on "
      "its first line, is named in place of server.policy_url to clients that reach the host by its name; greeting and "
      "EHLO then say that name (Received and DSNs have server.hostname: it is the machine that next hops see). A host "
      "is "
      "loaded when its name is first asked for, and again when its files change. "
      "See "
      "sluicectl host check.");
  section.text("certificates", tls.certificates, kPathRule);
  section.about(
      "The host whose certificate a client gets that names no host, or one that is not known. Empty: server.hostname, "
      "or else the first host in the directory, or else a certificate that is made at the start and signed by no "
      "authority.");
  section.example("\"relay.example.net\"");
  section.text("default_host", tls.default_host, kHostNameRule);
  section.about(
      "\"1.2\" or \"1.3\": clients that speak no version from here on are refused. A route has its own, for next "
      "hops.");
  section.choice("min_version", tls.min_version, kTlsVersions);
  section.about("Let clients resume a session without a full handshake.");
  section.boolean("tickets", tls.tickets);
  section.about(
      "How many hosts are kept loaded, at some 6 KB each; the one that was longest not asked for goes first.");
  section.integer("hosts_loaded", tls.hosts_loaded_max, 1, kCountMax);
}

namespace {

void read_message_limits(ConfigSection& section, LimitsConfig& limits) {
  section.about(text::with_figures(
      "The longest message, announced by SIZE (RFC 1870). What is longer is read to its end and then refused with 552; "
      "$(surplus) beyond the limit it is refused at once, and the session closed.",
      {{"surplus", text::bytes_text(smtp::kContentSurplusBytesMax)}}));
  section.integer("message_bytes", limits.message_bytes, smtp::kMessageBytesMin, kMessageBytesCeiling);
  section.about(
      "Recipients of one message, announced by LIMITS RCPTMAX (RFC 9422), until the client has logged in: then those "
      "of "
      "its class count, see [[class]]. Those beyond get 452, so that a client sends the message again for them; after "
      "so "
      "many of those the session is closed.");
  section.integer("recipients_per_message", limits.recipients_per_message, 1, smtp::kRecipientsMaxCeiling);
  section.integer("recipients_over", limits.recipients_over, 1, kCountMax);
  section.about("The longest header of a message.");
  section.integer("header_bytes", limits.header_bytes, kHeaderBytesMin, kHeaderBytesCeiling);
  section.about(
      "A message with so many Received fields goes in a loop: 554 5.4.6. RFC 5321 section 6.3 wants at least 100.");
  section.integer("received_fields", limits.received_fields, kReceivedFieldsMin, kReceivedFieldsCeiling);
}

void read_connection_limits(ConfigSection& section, LimitsConfig& limits) {
  constexpr std::int64_t kIpv6PrefixMin = 32;
  constexpr std::int64_t kIpv6PrefixMax = 128;
  section.about(
      "Sessions at one time: on each core, and from one client address on each core. Those beyond get 421. Addresses "
      "in "
      "`trusted` of a listener are not counted.");
  section.integer("sessions_per_core", limits.sessions_per_core, 1, kCountMax);
  section.integer("sessions_per_address", limits.sessions_per_address, 1, kCountMax);
  section.about(
      "How many of them may be in an unfinished TLS handshake: fewer, so that there is room for others. Those beyond "
      "get "
      "421, where they have not begun TLS yet.");
  section.integer("handshakes_per_core", limits.handshakes_per_core, 1, kCountMax);
  section.integer("handshakes_per_address", limits.handshakes_per_address, 1, kCountMax);
  section.about("So many bits of an IPv6 address are one client address, for these limits.");
  section.integer("ipv6_prefix", limits.ipv6_prefix, kIpv6PrefixMin, kIpv6PrefixMax);
  section.about(
      "Connections to next hops at one time, on each core. Where the process may not have enough open files for these "
      "and for the sessions, both are reduced at the start, and the log says so.");
  section.integer("outgoing_per_core", limits.outgoing_per_core, 1, kCountMax);
  check_handshakes(section, "handshakes_per_core", limits.handshakes_per_core, "sessions_per_core",
                   limits.sessions_per_core);
  check_handshakes(section, "handshakes_per_address", limits.handshakes_per_address, "sessions_per_address",
                   limits.sessions_per_address);
}

void read_timeouts(ConfigSection& section, LimitsConfig& limits) {
  section.about("How long a client may wait between two commands (RFC 5321 section 4.5.3.2.7).");
  section.seconds("idle_s", limits.idle, 1, kDayS);
  section.about("From the start of a session until the client has logged in.");
  section.seconds("unauthenticated_s", limits.unauthenticated, 1, kDayS);
  section.about("For the TLS handshake, and for the header of the PROXY protocol.");
  section.seconds("handshake_s", limits.handshake, 1, kHourS);
  section.about("From the first byte of a command to its end.");
  section.seconds("command_s", limits.command, 1, kHourS);
  section.about(
      "Between two pieces of a message; and the pace that a message must keep, behind which it may fall by data_s (0: "
      "any pace).");
  section.seconds("data_s", limits.data, 1, kHourS);
  section.integer("data_bytes_per_s", limits.data_bytes_per_s, 0, kCountMax);
  section.about("For the client to read our replies.");
  section.seconds("reply_s", limits.reply, 1, kHourS);
}
}  // namespace

void read_limits(const ConfigNode* table, ConfigDiagnostics& diagnostics, LimitsConfig& limits) {
  constexpr std::int64_t kTriesMax = 1000;
  ConfigSection section(table, "limits", "limits", diagnostics);
  read_message_limits(section, limits);
  read_connection_limits(section, limits);
  section.about(
      "Commands that are wrong, that do nothing (NOOP, RSET, EHLO), and logins that fail, until a session is closed.");
  section.integer("bad_commands", limits.bad_commands, 1, kTriesMax);
  section.integer("idle_commands", limits.idle_commands, 1, kCountMax);
  section.integer("auth_failures", limits.auth_failures, 1, kTriesMax);
  read_timeouts(section, limits);
}

namespace {

void read_log_privacy(ConfigSection& section, LogConfig& log) {
  using Form = ConfigSection::Choice<event::AddressForm>;
  const Form forms[] = {
      {"keep", event::AddressForm::keep}, {"shorten", event::AddressForm::shorten}, {"hash", event::AddressForm::hash}};
  section.about(
      "What the log keeps of the addresses of clients and of recipients: all of it (\"keep\"); their network (/24, "
      "/48) "
      "and their domain (\"shorten\"); or a token that is always the same for the same address, in front of the "
      "recipient's domain (\"hash\"). The secret of the tokens is the file log_key in server.state_dir. Accounts and "
      "senders are not changed. fail2ban needs the addresses of clients.");
  section.choice("client_addresses", log.client_addresses, forms);
  section.choice("recipients", log.recipients, forms);
}

}  // namespace

void read_log(const ConfigNode* table, ConfigDiagnostics& diagnostics, LogConfig& log) {
  using Format = ConfigSection::Choice<log::LogFormat>;
  using Level = ConfigSection::Choice<event::Severity>;
  ConfigSection section(table, "log", "log", diagnostics);
  section.about(
      "\"-\" is standard error. A file is opened again at `sluicectl reload`, at SIGHUP and at SIGUSR1, and by itself "
      "once it is renamed or removed.");
  section.text("file", log.file, kLogFileRule);
  section.about(
      "\"json\" or \"logfmt\"; lines of this level and above: \"debug\", \"info\", \"warning\", \"error\". What became "
      "of messages, sessions and logins, and the ids that replies showed, are of level \"info\".");
  section.choice("format", log.format,
                 {Format{"json", log::LogFormat::json}, Format{"logfmt", log::LogFormat::logfmt}});
  section.choice("level", log.level,
                 {Level{"debug", event::Severity::debug}, Level{"info", event::Severity::info},
                  Level{"warning", event::Severity::warning}, Level{"error", event::Severity::error}});
  section.about(
      "The same lines, beside the file, as messages of syslog (RFC 5424): a socket such as \"/dev/log\", IP:PORT, "
      "which "
      "is UDP, or a server, \"tcp://HOST:PORT\" or \"tls://HOST:PORT\", whose certificate is checked by the "
      "authorities "
      "in syslog_ca_file, or the system's. What a server cannot take now waits in memory, up to 10,000 lines; what is "
      "lost is counted in the log (log_dropped).",
      Change::restart);
  section.example("\"tls://logs.example.net:6514\"");
  section.text("syslog", log.syslog, kSyslogRule);
  section.text("syslog_ca_file", log.syslog_ca_file, kAnyPathRule);
  section.about(
      "The same as entries of systemd's journal, each key a field: journalctl SLUICE_ACCOUNT=ann@example.com. Who "
      "wants "
      "no file beside it says file = \"/dev/null\".",
      Change::restart);
  section.example("\"/run/systemd/journal/socket\"");
  section.text("journal", log.journal, kJournalRule);
  read_log_privacy(section, log);
}

void read_trace(const ConfigNode* table, ConfigDiagnostics& diagnostics, TraceConfig& trace) {
  constexpr std::int64_t kDaysMax = 3650;
  constexpr std::int64_t kBytesMin = std::int64_t{128} << 20;
  constexpr std::int64_t kBytesCeiling = std::int64_t{1} << 44;
  ConfigSection section(table, "trace", "trace", diagnostics);
  section.about(
      "What happens to each message, kept in files of its own for `sluicectl trace`; \"\": it is not kept. It has the "
      "addresses of senders, recipients and clients. Mail never waits for it.",
      Change::restart);
  section.example("\"/var/lib/sluice/trace\"");
  section.text("directory", trace.directory, kAnyPathRule);
  section.about(
      "The oldest of it goes after so many days, and where all of it has more bytes than bytes_max. Some 200 bytes are "
      "a message. With less than free_bytes_min on its disk nothing is added: that of spool.free_bytes_min is smaller, "
      "so "
      "that the trace never takes the room of mail.",
      Change::restart);
  section.integer("days", trace.days, 1, kDaysMax);
  section.integer("bytes_max", trace.bytes_max, kBytesMin, kBytesCeiling);
  section.integer("free_bytes_min", trace.free_bytes_min, 0, kBytesCeiling);
}

}  // namespace sluice::config
