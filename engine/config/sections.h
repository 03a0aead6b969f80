// The sections of the configuration file, one function each: which keys there are, their types and ranges, what the
// documentation says of them, and what they must be together.  A section that the file does not have is null: then all
// keys keep their defaults. Used within load_config(); one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/section.h"

namespace sluice::config {

// The least version of TLS, of clients and of next hops.
inline constexpr ConfigSection::Choice<TlsVersion> kTlsVersions[] = {{"1.2", TlsVersion::tls_1_2},
                                                                     {"1.3", TlsVersion::tls_1_3}};

void read_server(const ConfigNode* table, ConfigDiagnostics& diagnostics, ServerConfig& server);
// The server of [store], where it has one.
void read_store_server(ConfigSection& section, auth::BackendOptions& store);
// `server` has been read: its directory is where the accounts' file is by default.
void read_store(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                StoreConfig& store);
void read_login(const ConfigNode* table, ConfigDiagnostics& diagnostics, LoginConfig& login);
void read_tls(const ConfigNode* table, ConfigDiagnostics& diagnostics, TlsConfig& tls);
void read_limits(const ConfigNode* table, ConfigDiagnostics& diagnostics, LimitsConfig& limits);
// [policy], and all [[class]] of the file.
void read_policy(const ConfigNode* table, const std::vector<const ConfigNode*>& classes, ConfigDiagnostics& diagnostics,
                 PolicyConfig& policy);
void read_cluster(const ConfigNode* table, ConfigDiagnostics& diagnostics, ClusterConfig& cluster);
void read_shield(const ConfigNode* table, ConfigDiagnostics& diagnostics, ShieldConfig& shield);
void read_log(const ConfigNode* table, ConfigDiagnostics& diagnostics, LogConfig& log);
void read_trace(const ConfigNode* table, ConfigDiagnostics& diagnostics, TraceConfig& trace);
// Those of a file that names none.
[[nodiscard]] std::vector<ListenerConfig> default_listeners();
// `path` is what the table is called in messages: "listener[2]".
void read_listener(const ConfigNode* table, std::string path, ConfigDiagnostics& diagnostics, ListenerConfig& listener);
// All [[backend]] of the file, in their order.
void read_backends(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                   std::vector<auth::BackendOptions>& backends);
// Whose customers' the accounts are that a back end grants: keys that [oauth] has, too.
void read_owner(ConfigSection& section, auth::BackendOptions& backend);
// Nothing where the file has no such table.
void read_oauth(const ConfigNode* table, ConfigDiagnostics& diagnostics,
                std::optional<auth::OauthBackendOptions>& oauth);
// All [[route]] of the file, in their order, and what they must be together.
void read_routes(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                 std::vector<RouteConfig>& routes);
// `server` has been read: its directory is where the spool is by default.
void read_spool(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics,
                SpoolConfig& spool);
void read_queue(const ConfigNode* table, ConfigDiagnostics& diagnostics, QueueConfig& queue);
// After the routes, of which one may be that of reports.
void read_reports(const ConfigNode* table, const std::vector<RouteConfig>& routes, ConfigDiagnostics& diagnostics,
                  ReportsConfig& reports);
void read_metrics(const ConfigNode* table, ConfigDiagnostics& diagnostics, MetricsConfig& metrics);
void read_notify(const ConfigNode* table, ConfigDiagnostics& diagnostics, NotifyConfig& notify);
// All [[webhook]] of the file, in their order.
void read_webhooks(const std::vector<const ConfigNode*>& tables, ConfigDiagnostics& diagnostics,
                   std::vector<WebhookConfig>& webhooks);
// `server` has been read: its directory is where the keys are by default.
void read_dkim(const ConfigNode* table, const ServerConfig& server, ConfigDiagnostics& diagnostics, DkimConfig& dkim);
// Into the section [dkim].
void read_domain_keys(ConfigSection& section, DomainKeysConfig& keys);
void read_dns(const ConfigNode* table, ConfigDiagnostics& diagnostics, DnsConfig& dns);

}  // namespace sluice::config
