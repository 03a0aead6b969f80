#include "tools/import_postfix/lookup_table.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "tools/import_postfix/logical_lines.h"

namespace sluice::import_postfix {
namespace {

constexpr std::size_t kEntriesMax = 100'000;

constexpr std::array<std::string_view, 7> kTextTypes{"hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash"};

// What else asks a back end of which Sluice has a kind.
struct DatabaseType {
  std::string_view type;
  std::string_view kind;
};
constexpr std::array<DatabaseType, 4> kDatabaseTypes{
    {{"mysql", "mariadb"}, {"pgsql", "postgresql"}, {"ldap", "ldap"}, {"sqlite", "sqlite"}}};

// True: one more entry is read.
bool has_room(LookupTables& tables) {
  if (tables.entries.size() < kEntriesMax) return true;
  const std::string why = "more than " + std::to_string(kEntriesMax) + " entries: the rest is not read";
  if (std::ranges::find(tables.unread, why) == tables.unread.end()) tables.unread.push_back(why);
  return false;
}

void take_line(const LogicalLine& line, const std::string& path, LookupTables& tables) {
  const auto end = std::ranges::find_if(line.text, is_blank);
  if (line.continues || end == line.text.end() || !has_room(tables)) return;
  tables.entries.push_back({.key = std::string(line.text.begin(), end),
                            .value = std::string(trimmed(std::string_view(end, line.text.end()))),
                            .place = path + ":" + std::to_string(line.number)});
}

// "{ key=value, { key = value with blanks } }"
void take_inline(std::string_view text, LookupTables& tables) {
  for (const std::string& word : words_of(without_braces(text), Commas::separate)) {
    const std::string_view pair = without_braces(word);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !has_room(tables)) continue;
    tables.entries.push_back({.key = std::string(trimmed(pair.substr(0, equals))),
                              .value = std::string(trimmed(pair.substr(equals + 1))),
                              .place = "inline"});
  }
}

void take_table(std::string_view word, const ReadFile& read, LookupTables& tables) {
  std::string_view type = word.substr(0, word.find(':'));
  std::string_view name = word.size() > type.size() ? word.substr(type.size() + 1) : std::string_view();
  if (type == "proxy") {
    type = name.substr(0, name.find(':'));
    name = name.size() > type.size() ? name.substr(type.size() + 1) : std::string_view();
  }
  const std::string shown = shown_tables(word);
  if (type == "inline") return take_inline(name, tables);
  if (const auto* const found = std::ranges::find(kDatabaseTypes, type, &DatabaseType::type);
      found != kDatabaseTypes.end()) {
    tables.unread.push_back(shown + ": asks a server; a [[backend]] of kind \"" + std::string(found->kind) +
                            "\" can ask the same one");
    return;
  }
  if (std::ranges::find(kTextTypes, type) == kTextTypes.end()) {
    tables.unread.push_back(shown + ": this type of table has no text that could be read");
    return;
  }
  const std::string path(name);
  const auto text = path.starts_with('/') ? read(path) : std::nullopt;
  if (!text) {
    tables.unread.push_back(shown + ": there is no text beside it that can be read");
    return;
  }
  for (const LogicalLine& line : logical_lines(*text)) take_line(line, path, tables);
}

}  // namespace

LookupTables read_tables(std::string_view value, const ReadFile& read) {
  LookupTables tables;
  for (const std::string& word : words_of(value, Commas::separate)) take_table(word, read, tables);
  return tables;
}

std::string shown_tables(std::string_view value) {
  std::string shown;
  for (const std::string& word : words_of(value, Commas::separate)) {
    shown += shown.empty() ? "" : ", ";
    const std::size_t secret = std::min(word.find("static:"), word.find("inline:"));
    shown += secret == std::string::npos ? word : word.substr(0, word.find(':', secret) + 1) + "...";
  }
  return shown;
}

}  // namespace sluice::import_postfix
