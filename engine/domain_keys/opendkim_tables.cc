#include "engine/domain_keys/opendkim_tables.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "engine/base/domain_name.h"

namespace sluice::domain_keys {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// A key, and behind blanks its value.  Comments begin with "#".
using OnEntry = std::function<void(std::size_t line, std::string_view key, std::string_view value)>;
void each_entry(std::string_view table, const OnEntry& on_entry) {
  for (std::size_t line = 1; !table.empty(); ++line) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view text = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    text = trimmed(text.substr(0, text.find('#')));
    if (text.empty()) continue;
    const std::size_t blank = std::min(text.find_first_of(kBlanks), text.size());
    on_entry(line, text.substr(0, blank), trimmed(text.substr(blank)));
  }
}

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

OpendkimTables read_opendkim_tables(std::string_view key_table, std::string_view signing_table) {
  OpendkimTables tables;
  const auto refuse = [&tables](std::string table, std::size_t line, std::string why) {
    tables.refusals.push_back({.table = std::move(table), .line = line, .why = std::move(why)});
  };
  std::map<std::string, KeyEntry, std::less<>> named;
  each_entry(key_table, [&](std::size_t line, std::string_view name, std::string_view value) {
    auto entry = key_entry(line, value);
    if (!entry) return refuse("KeyTable", line, "is not NAME DOMAIN:SELECTOR:FILE");
    if (!entry->file.starts_with('/')) return refuse("KeyTable", line, "does not give the key as the path of a file");
    if (!named.try_emplace(std::string(name), *std::move(entry)).second)
      refuse("KeyTable", line, "names a key that an earlier line has named");
  });
  each_entry(signing_table, [&](std::size_t line, std::string_view pattern, std::string_view name) {
    std::string why;
    const auto domain = whole_domain(pattern, why);
    if (!domain) return refuse("SigningTable", line, why);
    const auto found = named.find(name);
    if (found == named.end()) return refuse("SigningTable", line, "names a key that the KeyTable does not have");
    KeyEntry& entry = found->second;
    if (entry.domain != "%" && domain_key(entry.domain) != *domain)
      return refuse("SigningTable", line, "signs in the name of another domain, " + entry.domain);
    entry.used = true;
    TableKey key{.line = entry.line, .domain = *domain, .selector = entry.selector, .file = entry.file};
    const bool known = std::ranges::any_of(tables.keys, [&key](const TableKey& each) {
      return each.domain == key.domain && each.selector == key.selector;
    });
    if (!known) tables.keys.push_back(std::move(key));
  });
  for (const auto& [name, entry] : named)
    if (!entry.used) refuse("KeyTable", entry.line, "has a key that the SigningTable does not use for a whole domain");
  return tables;
}

}  // namespace sluice::domain_keys
