#include "engine/domain_keys/opendkim_tables.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/base/domain_name.h"

namespace sluice::domain_keys {
namespace {

constexpr std::size_t kKeyTable = 0;
constexpr std::size_t kSigningTable = 1;

// "domain:selector:/path/of/the/key"
struct KeyEntry {
  std::size_t line = 0;
  std::string domain;  // "%": that of the sender
  std::string selector;
  std::string file;
  bool used = false;
};

std::optional<KeyEntry> key_entry(std::size_t line, std::string_view value) {
  const std::size_t first = value.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = value.find(':', first + 1);
  if (second == std::string_view::npos || second + 1 == value.size()) return std::nullopt;
  return KeyEntry{.line = line,
                  .domain = std::string(value.substr(0, first)),
                  .selector = std::string(value.substr(first + 1, second - first - 1)),
                  .file = std::string(value.substr(second + 1))};
}

// The domain of "example.com" and "*@example.com"; else `why` it is none.
std::optional<std::string> whole_domain(std::string_view pattern, std::string& why) {
  const std::size_t at = pattern.rfind('@');
  const std::string_view local_part = at == std::string_view::npos ? "*" : pattern.substr(0, at);
  const std::string_view domain = at == std::string_view::npos ? pattern : pattern.substr(at + 1);
  if (domain.empty() || domain.starts_with('.') || domain.find('*') != std::string_view::npos) {
    why = "is for more than one domain; import each of them by its own name";
    return std::nullopt;
  }
  if (local_part != "*") {
    why = "is for one sender, and keys are those of a whole domain here";
    return std::nullopt;
  }
  return domain_key(domain);
}

}  // namespace

KeysOfTables read_opendkim_tables(std::string_view key_table, std::string_view signing_table) {
  KeysOfTables tables;
  const auto refuse = [&tables](std::size_t table, std::size_t line, std::string why) {
    tables.refusals.push_back({.table = table, .line = line, .why = std::move(why)});
  };
  std::map<std::string, KeyEntry, std::less<>> named;
  each_table_entry(key_table, [&](std::size_t line, std::string_view name, std::string_view value) {
    auto entry = key_entry(line, value);
    if (!entry) return refuse(kKeyTable, line, "is not NAME DOMAIN:SELECTOR:FILE");
    if (!entry->file.starts_with('/')) return refuse(kKeyTable, line, "does not give the key as the path of a file");
    if (!named.try_emplace(std::string(name), *std::move(entry)).second)
      refuse(kKeyTable, line, "names a key that an earlier line has named");
  });
  std::set<std::pair<std::string, std::string>> taken;  // domain and selector
  each_table_entry(signing_table, [&](std::size_t line, std::string_view pattern, std::string_view name) {
    std::string why;
    const auto domain = whole_domain(pattern, why);
    if (!domain) return refuse(kSigningTable, line, why);
    const auto found = named.find(name);
    if (found == named.end()) return refuse(kSigningTable, line, "names a key that the KeyTable does not have");
    KeyEntry& entry = found->second;
    if (entry.domain != "%" && domain_key(entry.domain) != *domain)
      return refuse(kSigningTable, line, "signs in the name of another domain, " + entry.domain);
    entry.used = true;
    if (!taken.emplace(*domain, entry.selector).second) return;
    tables.keys.push_back(
        {.table = kKeyTable, .line = entry.line, .domain = *domain, .selector = entry.selector, .file = entry.file});
  });
  for (const auto& [name, entry] : named)
    if (!entry.used) refuse(kKeyTable, entry.line, "has a key that the SigningTable does not use for a whole domain");
  return tables;
}

}  // namespace sluice::domain_keys
