#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "auth/sasl.h"
#include "auth/text.h"
#include "engine/config/sections.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/quoted.h"

namespace sluice::config {
namespace {

class Loader {
 public:
  Loader(ConfigDiagnostics& diagnostics, Config& config) : diagnostics_(diagnostics), config_(config) {}

  // Null: nothing but the defaults.
  void load(const ConfigNode* file) {
    ConfigSection root(file, "", "", diagnostics_);
    read_server(table(file, "server"), diagnostics_, config_.server);
    read_store(table(file, "store"), config_.server, diagnostics_, config_.store);
    read_backends(tables(file, "backend"), diagnostics_, config_.backends);
    read_oauth(table(file, "oauth"), diagnostics_, config_.oauth);
    read_login(table(file, "login"), diagnostics_, config_.login);
    read_tls(table(file, "tls"), diagnostics_, config_.tls);
    read_limits(table(file, "limits"), diagnostics_, config_.limits);
    read_policy(table(file, "policy"), tables(file, "class"), diagnostics_, config_.policy);
    read_cluster(table(file, "cluster"), diagnostics_, config_.cluster);
    read_shield(table(file, "shield"), diagnostics_, config_.shield);
    read_listeners(file);
    read_all_routes(file);
    read_spool(table(file, "spool"), config_.server, diagnostics_, config_.spool);
    read_queue(table(file, "queue"), diagnostics_, config_.queue);
    read_reports(table(file, "reports"), config_.routes, diagnostics_, config_.reports);
    read_dkim(table(file, "dkim"), config_.server, diagnostics_, config_.dkim);
    check_retirement(table(file, "dkim"));
    read_dns(table(file, "dns"), diagnostics_, config_.dns);
    read_log(table(file, "log"), diagnostics_, config_.log);
    read_metrics(table(file, "metrics"), diagnostics_, config_.metrics);
    read_trace(table(file, "trace"), diagnostics_, config_.trace);
    read_notify(table(file, "notify"), diagnostics_, config_.notify);
    check_notify_server(table(file, "notify"));
    read_webhooks(tables(file, "webhook"), diagnostics_, config_.webhooks);
    config_.fixed = diagnostics_.take_fixed();
    for (const std::string_view name : kSections) root.expect(name);
  }

 private:
  static constexpr std::array<std::string_view, 23> kSections{
      "server", "store",   "backend", "oauth",    "login",   "tls",    "limits", "policy",
      "class",  "cluster", "shield",  "listener", "route",   "spool",  "queue",  "reports",
      "dkim",   "dns",     "log",     "trace",    "metrics", "notify", "webhook"};

  const ConfigNode* table(const ConfigNode* file, std::string_view name) {
    const ConfigMember* found = find(file, name);
    if (found == nullptr) return nullptr;
    if (found->value.kind == ConfigNode::Kind::table) return &found->value;
    wrong_kind(*found, "[" + found->key + "], once");
    return nullptr;
  }

  std::vector<const ConfigNode*> tables(const ConfigNode* file, std::string_view name) {
    std::vector<const ConfigNode*> all;
    const ConfigMember* found = find(file, name);
    if (found == nullptr) return all;
    const bool list = found->value.kind == ConfigNode::Kind::list;
    for (const ConfigNode& element : found->value.list) {
      if (element.kind == ConfigNode::Kind::table) all.push_back(&element);
    }
    if (!list || all.size() != found->value.list.size()) wrong_kind(*found, "[[" + found->key + "]], once for each");
    return all;
  }

  static const ConfigMember* find(const ConfigNode* file, std::string_view name) {
    if (file == nullptr) return nullptr;
    for (const ConfigMember& member : file->table) {
      if (member.key == name) return &member;
    }
    return nullptr;
  }

  void wrong_kind(const ConfigMember& member, const std::string& allowed) {
    diagnostics_.error(member.place, member.key, "is " + std::string(kind_text(member.value.kind)), allowed);
  }

  void read_listeners(const ConfigNode* file) {
    const auto found = tables(file, "listener");
    ListenerConfig ignored;
    if (found.empty()) read_listener(nullptr, "listener", diagnostics_, ignored);
    std::map<std::string, std::string> seen;  // address, the listener that has it
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::string path = "listener[" + std::to_string(i + 1) + "]";
      ListenerConfig listener;
      read_listener(found[i], path, diagnostics_, listener);
      check_scram(found[i], path, listener);
      check_external(found[i], path, listener);
      check_usable(found[i], path, listener);
      check_backends(listener, *found[i], path);
      check_trusted_class(listener, *found[i], path);
      for (const io::Address& address : listener.addresses) {
        const auto [where, fresh] = seen.emplace(address.to_string(), path);
        if (fresh) continue;
        const ConfigMember* key = find(found[i], "address");
        diagnostics_.error(key->place, path + ".address",
                           address.to_string() + " is there twice; the first is in " + where->second,
                           "each address in one listener");
      }
      config_.listeners.push_back(std::move(listener));
    }
    if (config_.listeners.empty()) config_.listeners = default_listeners();
  }

  // A message that waits keeps its signature: the record of the key has to be there for longer.
  void check_retirement(const ConfigNode* table) {
    if (!config_.dkim.enabled || config_.dkim.domain_keys.retire_after > config_.queue.expire) return;
    const ConfigMember* key = find(table, "retire_after_s");
    if (key == nullptr) key = find(table, "enabled");
    diagnostics_.error(key->place, "dkim.retire_after_s", "is not longer than a message may wait (queue.expire_s)",
                       "more than queue.expire_s");
  }

  // Whether a server of that name is this relay at one of its listeners, as far as that can be told without DNS.
  bool is_listener(const route::NextHopHost& server, const io::Address& listener) const {
    if (listener.port() != server.port) return false;
    const auto given = io::Address::from_ip(server.name, server.port);
    if (given && given->to_string() == listener.to_string()) return true;
    const bool everywhere = std::ranges::all_of(listener.ip_bytes(), [](std::uint8_t byte) { return byte == 0; });
    if (given) return everywhere && given->is_loopback();
    const std::string name = auth::ascii_lower(server.name);
    return name == auth::ascii_lower(config_.server.hostname) ||
           (name == "localhost" && (everywhere || listener.is_loopback()));
  }

  // Mail about a queue in difficulty would wait in that queue.
  void check_notify_server(const ConfigNode* table) {
    const auto server = parse_next_hop(config_.notify.server);
    if (config_.notify.server.empty() || !server) return;
    for (const ListenerConfig& listener : config_.listeners)
      for (const io::Address& address : listener.addresses)
        if (is_listener(*server, address)) {
          diagnostics_.error(find(table, "server")->place, "notify.server",
                             "is this relay itself, at " + address.to_string() +
                                 ": what is told of its queue would wait in that queue",
                             "another server");
          return;
        }
  }

  // Another back end shows the relay no keys: it is shown passwords.
  void check_scram(const ConfigNode* table, const std::string& path, const ListenerConfig& listener) {
    const auto other =
        std::ranges::find_if(config_.backends, [](const auto& backend) { return backend.kind != auth::kStoreBackend; });
    if (!has_scram(listener) || other == config_.backends.end()) return;
    diagnostics_.error(find(table, "mechanisms")->place, path + ".mechanisms",
                       "SCRAM works with the store's own accounts alone, and the back end \"" + other->name +
                           "\" is of the kind \"" + other->kind + "\"",
                       "\"PLAIN\" and \"LOGIN\"");
  }

  // Another back end knows nothing of certificates.
  void check_external(const ConfigNode* table, const std::string& path, const ListenerConfig& listener) {
    const bool has_store = config_.backends.empty() || std::ranges::any_of(config_.backends, [](const auto& backend) {
                             return backend.kind == auth::kStoreBackend;
                           });
    if (!has_external(listener) || has_store) return;
    diagnostics_.error(find(table, "mechanisms")->place, path + ".mechanisms",
                       "EXTERNAL works with the store's own accounts alone, and no back end is of the kind \"store\"",
                       "\"PLAIN\" and \"LOGIN\"");
  }

  // Why no client of a listener can log in by a mechanism; empty: it can.
  std::string why_useless(const ListenerConfig& listener, const auth::Mechanism& mechanism) const {
    // A device has no access token.
    if (mechanism.bearer && listener.device_only) return "takes access tokens, and device_only is true";
    if (mechanism.bearer && !config_.oauth) return "takes access tokens, and there is no [oauth]";
    if (mechanism.binds_channel && listener.tls == ListenerTls::none) return "needs TLS 1.3, and tls is \"none\"";
    return {};
  }

  void check_usable(const ConfigNode* table, const std::string& path, const ListenerConfig& listener) {
    std::string problem;
    for (const std::string& name : listener.mechanisms) {
      const std::string useless = why_useless(listener, *auth::find_mechanism(name));
      if (useless.empty()) return;
      problem += (problem.empty() ? "nobody can log in: " : "; ") + name + " " + useless;
    }
    if (const ConfigMember* const key = find(table, "mechanisms"); key != nullptr && !problem.empty())
      diagnostics_.error(key->place, path + ".mechanisms", problem, "\"PLAIN\" and \"LOGIN\"");
  }

  void check_trusted_class(const ListenerConfig& listener, const ConfigNode& table, const std::string& path) {
    const ConfigMember* const key = find(&table, "trusted_class");
    if (key == nullptr || listener.trusted_class.empty()) return;
    const std::vector<policy::PolicyClass> built_in = policy::built_in_classes();
    const auto& classes = config_.policy.classes.empty() ? built_in : config_.policy.classes;
    std::string problem;
    if (std::ranges::find(classes, listener.trusted_class, &policy::PolicyClass::name) == classes.end())
      problem = text::in_quotes(listener.trusted_class) + " is no class";
    if (listener.trusted.empty()) problem = "there is no trusted network that it could be about";
    if (!problem.empty())
      diagnostics_.error(key->place, path + ".trusted_class", problem, "the name of a class, with networks in trusted");
  }

  // Without any [[backend]] there is the store alone.
  void check_backends(const ListenerConfig& listener, const ConfigNode& table, const std::string& path) {
    const ConfigMember* const key = find(&table, "back_ends");
    std::vector<std::string_view> names;
    for (const auth::BackendOptions& backend : config_.backends) names.push_back(backend.name);
    if (names.empty()) names.emplace_back(auth::kStoreBackend);
    for (auto name = listener.backends.begin(); name != listener.backends.end(); ++name) {
      std::string problem;
      if (std::ranges::find(names, *name) == names.end()) {
        problem = text::in_quotes(*name) + " is no back end";
        if (const auto meant = text::did_you_mean(*name, names); !meant.empty())
          problem += ", did you mean " + text::in_quotes(meant) + "?";
      } else if (std::find(listener.backends.begin(), name, *name) != name) {
        problem = text::in_quotes(*name) + " is there twice";
      }
      if (!problem.empty())
        diagnostics_.error(key->place, path + ".back_ends", problem, "names of [[backend]], each once");
    }
  }

  void read_all_routes(const ConfigNode* file) {
    const auto found = tables(file, "route");
    read_routes(found, diagnostics_, config_.routes);
    if (!found.empty()) return;
    const ConfigMember* key = find(file, "route");
    if (key == nullptr || (key->value.kind == ConfigNode::Kind::list && key->value.list.empty())) {
      diagnostics_.error({}, "route", "is missing: where does mail go on to?",
                         "a [[route]] with hosts, or with mx = true");
    }
  }

  ConfigDiagnostics& diagnostics_;
  Config& config_;
};

}  // namespace

std::expected<Config, std::vector<ConfigError>> load_config(std::string_view text, std::string_view file_name) {
  ConfigDiagnostics diagnostics(file_name);
  Config config;
  if (const auto tree = parse_config_tree(text)) {
    Loader(diagnostics, config).load(&*tree);
  } else {
    diagnostics.error(tree.error().place, "", tree.error().problem, "");
  }
  auto errors = diagnostics.take_errors();
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return config;
}

std::vector<DocumentedTable> documentation() {
  ConfigDiagnostics diagnostics("");
  Config ignored;
  Loader(diagnostics, ignored).load(nullptr);
  std::vector<DocumentedTable> tables = diagnostics.tables();
  std::erase_if(tables, [](const DocumentedTable& table) { return table.name.empty(); });
  return tables;
}

}  // namespace sluice::config
