// Lookup tables that main.cf names, read from their text sources; see postmap(1) and DATABASE_README.  Values; any
// thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import_postfix {

// The content of a file; nothing: it is not there, or cannot be read.  By absolute path.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

struct TableEntry {
  std::string key;
  std::string value;
  std::string place;  // "/etc/postfix/transport:3", "inline"
};

struct LookupTables {
  std::vector<TableEntry> entries;  // in order; of one key the first counts
  std::vector<std::string> unread;  // for each table without text: its type and name, and why, fit to be shown
};

// `value`: "hash:/etc/postfix/transport, mysql:/etc/postfix/mysql.cf"; expanded.  Types that are made of a text
// (hash:, btree:, lmdb:, cdb:, dbm:, sdbm:, texthash:) are read from it; "inline:{ key=value }" too.
[[nodiscard]] LookupTables read_tables(std::string_view value, const ReadFile& read);

// The same names without what may be a secret in them: "static:..." and "inline:..." are cut behind the colon.
[[nodiscard]] std::string shown_tables(std::string_view value);

}  // namespace sluice::import_postfix
