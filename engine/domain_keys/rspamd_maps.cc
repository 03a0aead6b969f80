#include "engine/domain_keys/rspamd_maps.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "engine/base/domain_name.h"

namespace sluice::domain_keys {
namespace {

constexpr std::string_view kRspamdSelector = "dkim";
constexpr std::string_view kRspamdPath = "/var/lib/rspamd/dkim/$domain.$selector.key";

struct MapEntry {
  std::size_t table = 0;
  std::size_t line = 0;
  std::string domain;                     // as the map spells it, and as it is in paths
  std::array<std::string, 2> of_table{};  // the selector, the path
};

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; });
}

std::string path_of(std::string_view pattern, const MapEntry& entry, std::string_view selector) {
  std::string path;
  while (!pattern.empty()) {
    const bool domain = pattern.starts_with("$domain");
    const bool sel = pattern.starts_with("$selector");
    if (domain) path += entry.domain;
    if (sel) path += selector;
    if (!domain && !sel) path += pattern.front();
    pattern.remove_prefix(domain ? std::string_view("$domain").size() : sel ? std::string_view("$selector").size() : 1);
  }
  return path;
}

}  // namespace

KeysOfTables read_rspamd_maps(std::string_view selector_map, std::string_view path_map) {
  KeysOfTables tables;
  std::map<std::string, MapEntry, std::less<>> entries;
  const std::array<std::string_view, 2> maps{selector_map, path_map};
  for (std::size_t table = 0; table < maps.size(); ++table) {
    each_table_entry(maps[table], [&](std::size_t line, std::string_view domain, std::string_view value) {
      const auto refuse = [&](std::string why) {
        tables.refusals.push_back({.table = table, .line = line, .why = std::move(why)});
      };
      if (value.empty() || !is_plain(domain) || !is_plain(value)) return refuse("is not DOMAIN VALUE");
      if (domain.find_first_of("*/@") != std::string_view::npos)
        return refuse("is for more than one domain; import each of them by its own name");
      MapEntry& entry =
          entries.try_emplace(domain_key(domain), MapEntry{.table = table, .line = line, .domain = std::string(domain)})
              .first->second;
      if (!entry.of_table.at(table).empty()) return refuse("names a domain that an earlier line has named");
      entry.of_table.at(table) = value;
    });
  }
  for (const auto& [domain, entry] : entries) {
    const auto& [selector_said, path_said] = entry.of_table;
    const std::string selector(selector_said.empty() ? kRspamdSelector : selector_said);
    std::string file = path_of(path_said.empty() ? kRspamdPath : path_said, entry, selector);
    if (!file.starts_with('/')) {
      tables.refusals.push_back(
          {.table = entry.table, .line = entry.line, .why = "does not give the key as the path of a file"});
      continue;
    }
    tables.keys.push_back(
        {.table = entry.table, .line = entry.line, .domain = domain, .selector = selector, .file = std::move(file)});
  }
  return tables;
}

}  // namespace sluice::domain_keys
