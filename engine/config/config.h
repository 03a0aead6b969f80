// What the operator has set: the configuration file as plain values, and how it is read.
// Made by load_config() at start and at SIGHUP, never changed after; all cores share one through
// shared_ptr<const Config>, and a session keeps the one that it began with.  Pure: no file is read
// here.  Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/backend/oauth_options.h"
#include "auth/backend/options.h"
#include "auth/login_names.h"
#include "engine/base/client_block.h"
#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/base/tls_version.h"
#include "engine/config/delivery.h"
#include "engine/config/domain_keys.h"
#include "engine/event/privacy.h"
#include "engine/io/address.h"
#include "engine/log/line.h"
#include "engine/notify/mail.h"
#include "engine/signing/rules.h"
#include "policy/classes.h"
#include "policy/cluster/options.h"
#include "policy/sender.h"

namespace sluice::config {

struct ServerConfig {
  std::string hostname;         // empty: not given, use the machine's own full name
  std::uint32_t cores = 0;      // 0: every CPU that the process may use
  std::uint32_t workers = 4;    // threads for what may block: SQLite, name look-ups
  std::string user = "sluice";  // taken on after binding, when started as root
  std::string group;            // empty: the user's own
  std::string state_dir = "/var/lib/sluice";
  std::string control = "/run/sluice/control.sock";
  std::string support_control;                // a second one, for requests that only look; empty: there is none
  std::string support_group;                  // who may use it; empty: `group`
  std::string policy_url;                     // named in refusals; may be empty
  Duration drain = std::chrono::seconds(30);  // how long open sessions may go on when the relay stops
};

struct StoreConfig {
  std::uint32_t hash_threads = 2;                        // at low priority
  std::string accounts = "/var/lib/sluice/accounts.db";  // else "accounts.db" in server.state_dir
  // PostgreSQL in place of that file; no servers: the file.
  auth::BackendOptions server{.timeout = std::chrono::seconds(5)};
  // The key that says where it is.
  [[nodiscard]] std::string key() const { return server.servers.empty() ? "store.accounts" : "store.server"; }
  // The credential cache of each core.
  std::uint32_t cached_logins = 32768;
  Duration granted_ttl = std::chrono::minutes(5);
  Duration refused_ttl = std::chrono::seconds(10);
  Duration grace = Duration::zero();  // see auth::CredentialCacheLimits
};

// How login names are rewritten; see auth/login_names.h.
struct LoginConfig {
  auth::LoginNameRules names;
  std::uint32_t scram_iterations = 10'000;  // auth/scram.h says why not fewer
};

struct TlsConfig {
  std::string certificates = "/etc/sluice/tls";  // holds HOST/fullchain.pem and HOST/privkey.pem
  std::string default_host;                      // empty: what CertificateOptions says
  TlsVersion min_version = TlsVersion::tls_1_2;  // of clients
  bool tickets = true;                           // session resumption
  std::uint32_t hosts_loaded_max = 10'000;
};

struct LimitsConfig {
  std::uint64_t message_bytes = 52'428'800;
  std::uint32_t recipients_per_message = 100;  // of those who have logged in: of their class
  std::uint32_t recipients_over = 1000;        // RCPT past the limit in one message, until 421
  std::uint32_t sessions_per_core = 20'000;
  std::uint32_t sessions_per_address = 200;  // on each core; hosts in a listener's `trusted` are not counted
  std::uint32_t outgoing_per_core = 10'000;  // connections to next hops
  // Unfinished TLS handshakes, of those sessions.
  std::uint32_t handshakes_per_core = 5'000;
  std::uint32_t handshakes_per_address = 50;
  std::uint32_t ipv6_prefix = kIpv6BlockBitsDefault;  // so much of an IPv6 address is one client address
  std::uint32_t header_bytes = 262'144;
  std::uint32_t received_fields = 100;                 // in one header: so many are a loop (RFC 5321 6.3)
  std::uint32_t bad_commands = 10;                     // since the last message taken, until 421
  std::uint32_t idle_commands = 100;                   // NOOP, RSET, EHLO and such: likewise
  std::uint32_t auth_failures = 3;                     // in one session, until 421
  Duration idle = std::chrono::minutes(5);             // between two commands (RFC 5321 4.5.3.2.7)
  Duration unauthenticated = std::chrono::minutes(2);  // from the start of a session until its client has logged in
  Duration handshake = std::chrono::seconds(30);       // for the TLS handshake, and for the PROXY header
  Duration command = std::chrono::minutes(1);          // for a command that was begun
  Duration data = std::chrono::minutes(3);             // between two pieces of a message
  std::uint64_t data_bytes_per_s = 100;                // of a message, at least; 0: any pace
  Duration reply = std::chrono::minutes(2);            // for the client to read our replies
};

// The shield against guessing, and how refused logins are answered.
struct ShieldConfig {
  bool enabled = true;
  std::uint32_t address_failures = 20;
  std::uint32_t network_failures = 100;
  std::uint32_t account_failures = 20;
  std::uint32_t overall_failures = 2000;
  Duration window = std::chrono::hours(1);
  Duration slow = std::chrono::seconds(3);
  Duration refused_after = std::chrono::seconds(2);
  std::uint32_t entries = 65'536;
  std::vector<Network> trusted = {*Network::parse("127.0.0.0/8"), *Network::parse("::1")};
};

// Policy classes: see policy/classes.h.
struct PolicyConfig {
  std::string default_class{policy::kDefaultClassName};  // one of them
  std::vector<policy::PolicyClass> classes;              // none: the built-in ones
  std::vector<policy::Limit> relay_limits;               // of all mail together
  std::string countries;                                 // a file (io/country_database.h); empty: none
};

// Redis or Valkey, by which several relays share the limits; no servers: each has its own.
struct ClusterConfig {
  std::vector<policy::ClusterServer> servers;
  std::string sentinel;  // name of the master; empty: the servers are no Sentinels
  bool tls = true;
  std::string ca_file;  // empty: the system's
  std::string server_name;
  std::string user;
  std::string password_file;  // its first line is the password
  std::string key_file;       // its first line is the key of what shields and steps tell; empty: they are not shared
  std::string prefix = "sluice";
  std::string node;                // empty: server.hostname
  std::uint32_t local_share = 10;  // percent
  Duration timeout = std::chrono::seconds(1);
  Duration grace = std::chrono::seconds(5);
};

enum class ListenerTls : std::uint8_t { none, starttls, implicit };
enum class ListenerAuth : std::uint8_t {
  off,    // nobody can log in
  tls,    // only inside TLS
  clear,  // without TLS too
};

struct ListenerConfig {
  std::vector<io::Address> addresses;  // at least one
  ListenerTls tls = ListenerTls::starttls;
  bool require_tls = false;  // 530 to every client that has not started TLS, trusted or not
  ListenerAuth auth = ListenerAuth::tls;
  // True: clients that are not in `trusted` have to log in.  False: none has to, and only hosts in `trusted`
  // may send (there is at least one then): a stranger is never let through.
  bool require_auth = true;
  bool device_only = false;           // log in with device passwords alone
  std::vector<std::string> backends;  // names, in the order in which they are asked; none: all
  // Rows of auth/sasl.cc; at least one.
  std::vector<std::string> mechanisms{"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"};
  std::string client_ca;    // file of the authorities of client certificates; empty: none is asked for
  bool client_san = false;  // addresses in client certificates are names of accounts
  std::vector<Network> trusted;
  std::string trusted_class;                 // whose limits of networks count for these; empty: none
  std::vector<std::string> trusted_domains;  // lower case, "example.com" or "*.example.com"; empty: any
  std::vector<Network> proxy;  // the PROXY protocol is required from these, and taken from no other address
  bool hide_client = false;    // keep the client's address out of Received
  // Where a login is asked for (asks_for_login), clients are programs of one's own customers, old ones among them:
  // there these two are lax unless set; elsewhere strict.
  bool long_lines = true;           // take text lines of more than 998 bytes
  bool normalise_line_ends = true;  // make a bare LF CRLF; false: refuse it
  policy::ForeignSender foreign_sender = policy::ForeignSender::refuse;
  policy::ForeignName foreign_name = policy::ForeignName::refuse;
  Duration greet_delay = Duration::zero();  // a client that talks before the greeting is refused
};

// Whether clients outside of `trusted` can log in, and have to.
[[nodiscard]] constexpr bool asks_for_login(const ListenerConfig& listener) {
  return listener.require_auth && listener.auth != ListenerAuth::off;
}

// Whether clients can log in by SCRAM.
[[nodiscard]] bool has_scram(const ListenerConfig& listener);
// Whether they can with a client certificate.
[[nodiscard]] bool has_external(const ListenerConfig& listener);

// Notifications of operators and owners: see engine/notify/notifier.h.
struct NotifyConfig {
  std::vector<std::string> operators;  // addresses
  bool owner = false;
  std::vector<std::string> events;  // names of causes; none: all
  std::string from;                 // empty: not given
  std::string server;               // empty: no mail
  notify::MailTls tls = notify::MailTls::starttls;
  std::string ca_file;  // empty: the system's authorities
  std::string syslog;   // empty: none
};
struct WebhookConfig {
  std::string url;
  std::string secret_file;
  std::string ca_file;              // empty: the system's authorities
  std::vector<std::string> events;  // names of causes; none: all
  Duration timeout = std::chrono::seconds(10);
  std::uint32_t queue = 1000;
};

struct LogConfig {
  std::string file = "-";  // "-": standard error
  log::LogFormat format = log::LogFormat::json;
  event::Severity level = event::Severity::info;
  std::string syslog;          // as log::SyslogOptions has it; empty: none
  std::string syslog_ca_file;  // empty: the system's authorities
  std::string journal;         // its socket; empty: none
  event::AddressForm client_addresses = event::AddressForm::keep;
  event::AddressForm recipients = event::AddressForm::keep;
};

// Where monitoring asks: see engine/metrics/http_server.h.
struct MetricsConfig {
  std::vector<std::string> listen;  // IP:PORT, or the path of a UNIX socket; none: there is no monitoring
  std::vector<Network> allow;       // beside loopback addresses
};

// Signatures of mail that goes on: see engine/signing/signer.h.
struct DkimConfig {
  bool enabled = false;
  std::string key_directory;
  std::uint32_t domains_kept = 10'000;
  std::uint32_t threads = 2;
  signing::SigningRules rules;
  DomainKeysConfig domain_keys;
};

struct TraceConfig {
  std::string directory;  // empty: there is no trace
  std::uint32_t days = 30;
  std::uint64_t bytes_max = std::uint64_t{4} << 30;
  std::uint64_t free_bytes_min = std::uint64_t{2} << 30;
};

// The whole numbers that a key may be set to.
struct ConfigRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

// A setting that a running relay cannot follow: "server.cores", and its value in TOML.
struct FixedSetting {
  std::string key;
  std::string value;
};

struct Config {
  ServerConfig server;
  StoreConfig store;
  LoginConfig login;
  TlsConfig tls;
  LimitsConfig limits;
  PolicyConfig policy;
  ClusterConfig cluster;
  ShieldConfig shield;
  std::vector<auth::BackendOptions> backends;  // in their order; none: the store alone
  std::optional<auth::OauthBackendOptions> oauth;
  std::vector<ListenerConfig> listeners;  // at least one
  std::vector<RouteConfig> routes;        // at least one; the last takes what no other does
  SpoolConfig spool;
  QueueConfig queue;
  ReportsConfig reports;
  DkimConfig dkim;
  DnsConfig dns;
  LogConfig log;
  MetricsConfig metrics;
  TraceConfig trace;
  NotifyConfig notify;
  std::vector<WebhookConfig> webhooks;
  std::vector<FixedSetting> fixed;  // in the order of the file; of listed tables, those that are there
};

// Whether any listener has SCRAM, and passwords get keys for it.
[[nodiscard]] bool has_scram(const Config& config);

// What is wrong in a configuration file, and where.
struct ConfigError {
  std::string file;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string key;      // "limits.idle_s", "listener[2].tls"; empty: the file as a whole
  std::string problem;  // what is wrong
  std::string allowed;  // what may be there; may be empty
  // "file:line:col: key: problem; allowed: ..."
  [[nodiscard]] std::string to_string() const;
};

// Reads TOML.  Tells all errors, in the order of the file (of its syntax only the first).
// `file_name` is for messages.
[[nodiscard]] std::expected<Config, std::vector<ConfigError>> load_config(std::string_view text,
                                                                          std::string_view file_name);

// One text for each change that a running relay cannot follow: "server.cores: 2 became 4", of keys that are declared
// with Change::restart, and of listeners' addresses.  Empty:
// `next` can be put to use.
[[nodiscard]] std::vector<std::string> changes_that_need_restart(const Config& current, const Config& next);

}  // namespace sluice::config
