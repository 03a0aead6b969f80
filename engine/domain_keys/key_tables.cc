#include "engine/domain_keys/key_tables.h"

#include <algorithm>

namespace sluice::domain_keys {
namespace {

constexpr std::string_view kTableBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kTableBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kTableBlanks) + 1 - begin);
}

}  // namespace

void each_table_entry(std::string_view table, const OnTableEntry& on_entry) {
  for (std::size_t line = 1; !table.empty(); ++line) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view text = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    text = trimmed(text.substr(0, text.find('#')));
    if (text.empty()) continue;
    const std::size_t blank = std::min(text.find_first_of(kTableBlanks), text.size());
    on_entry(line, text.substr(0, blank), trimmed(text.substr(blank)));
  }
}

}  // namespace sluice::domain_keys
