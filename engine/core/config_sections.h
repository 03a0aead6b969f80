// The sections of the configuration file, one function each: which keys there are, their types and
// ranges, and what they must be together.  A section that the file does not have is null: then all
// keys keep their defaults. Used within load_config(); one thread.
#pragma once

#include "engine/core/config.h"
#include "engine/core/config_section.h"

namespace sluice::core {

void read_server(const ConfigNode* table, ConfigReport& report, ServerConfig& server);
void read_store(const ConfigNode* table, ConfigReport& report, StoreConfig& store);
void read_tls(const ConfigNode* table, ConfigReport& report, TlsConfig& tls);
void read_limits(const ConfigNode* table, ConfigReport& report, LimitsConfig& limits);
void read_log(const ConfigNode* table, ConfigReport& report, LogConfig& log);
// `path` is what the table is called in messages: "listener[2]".
void read_listener(const ConfigNode* table, std::string path, ConfigReport& report,
                   ListenerConfig& listener);
void read_route(const ConfigNode* table, std::string path, ConfigReport& report,
                RouteConfig& route);

}  // namespace sluice::core
