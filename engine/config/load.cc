#include <array>
#include <map>
#include <utility>

#include "engine/config/sections.h"

namespace sluice::config {
namespace {

class Loader {
 public:
  Loader(ConfigReport& report, Config& config) : report_(report), config_(config) {}

  // Null: nothing but the defaults.
  void load(const ConfigNode* file) {
    ConfigSection root(file, "", "", report_);
    read_server(table(file, "server"), report_, config_.server);
    read_store(table(file, "store"), config_.server, report_, config_.store);
    read_tls(table(file, "tls"), report_, config_.tls);
    read_limits(table(file, "limits"), report_, config_.limits);
    read_listeners(file);
    read_all_routes(file);
    read_spool(table(file, "spool"), config_.server, report_, config_.spool);
    read_queue(table(file, "queue"), report_, config_.queue);
    read_reports(table(file, "reports"), config_.routes, report_, config_.reports);
    read_dns(table(file, "dns"), report_, config_.dns);
    read_log(table(file, "log"), report_, config_.log);
    config_.fixed = report_.take_fixed();
    for (const std::string_view name : kSections) root.expect(name);
  }

 private:
  static constexpr std::array<std::string_view, 11> kSections{
      "server", "store", "tls", "limits", "listener", "route", "spool", "queue", "reports", "dns", "log"};

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
    report_.error(member.place, member.key, "is " + std::string(kind_text(member.value.kind)), allowed);
  }

  void read_listeners(const ConfigNode* file) {
    const auto found = tables(file, "listener");
    ListenerConfig ignored;
    if (found.empty()) read_listener(nullptr, "listener", report_, ignored);
    std::map<std::string, std::string> seen;  // address, the listener that has it
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::string path = "listener[" + std::to_string(i + 1) + "]";
      ListenerConfig listener;
      read_listener(found[i], path, report_, listener);
      for (const io::Address& address : listener.addresses) {
        const auto [where, fresh] = seen.emplace(address.to_string(), path);
        if (fresh) continue;
        const ConfigMember* key = find(found[i], "address");
        report_.error(key->place, path + ".address",
                      address.to_string() + " is there twice; the first is in " + where->second,
                      "each address in one listener");
      }
      config_.listeners.push_back(std::move(listener));
    }
    if (config_.listeners.empty()) config_.listeners = default_listeners();
  }

  void read_all_routes(const ConfigNode* file) {
    const auto found = tables(file, "route");
    read_routes(found, report_, config_.routes);
    if (!found.empty()) return;
    const ConfigMember* key = find(file, "route");
    if (key == nullptr || (key->value.kind == ConfigNode::Kind::list && key->value.list.empty())) {
      report_.error({}, "route", "is missing: where does mail go on to?", "a [[route]] with hosts, or with mx = true");
    }
  }

  ConfigReport& report_;
  Config& config_;
};

}  // namespace

std::expected<Config, std::vector<ConfigError>> load_config(std::string_view text, std::string_view file_name) {
  ConfigReport report(file_name);
  Config config;
  if (const auto tree = parse_config_tree(text)) {
    Loader(report, config).load(&*tree);
  } else {
    report.error(tree.error().place, "", tree.error().problem, "");
  }
  auto errors = report.take_errors();
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return config;
}

std::vector<DocumentedTable> documentation() {
  ConfigReport report("");
  Config ignored;
  Loader(report, ignored).load(nullptr);
  std::vector<DocumentedTable> tables = report.tables();
  std::erase_if(tables, [](const DocumentedTable& table) { return table.name.empty(); });
  return tables;
}

}  // namespace sluice::config
