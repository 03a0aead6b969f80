#include "engine/text/table_text.h"

#include <algorithm>

#include "engine/text/escape.h"

namespace sluice::text {

std::string as_json(const Table& table) {
  std::string out = "[";
  for (const auto& row : table.rows) out += (out.size() > 1 ? ",\n " : "\n ") + json_object(table.names, row);
  return out + "\n]\n";
}

std::string json_object(std::span<const std::string_view> names, std::span<const Cell> row) {
  std::string out = "{";
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += ", ";
    out += json_string(names[i]) + ": " + row[i].json();
  }
  return out + "}";
}

std::string printable(std::string_view text) { return text.empty() ? "-" : with_question_marks(text); }

std::string as_text(const Table& table) {
  std::vector<std::size_t> widths;
  widths.reserve(table.names.size());
  for (const std::string_view name : table.names) widths.push_back(name.size());
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], characters_in(printable(row[i].text)));
  std::string out;
  const auto put = [&](std::string_view text, std::size_t column) {
    out += text;
    if (column + 1 < widths.size()) out.append(widths[column] - characters_in(text) + 2, ' ');
  };
  for (std::size_t i = 0; i < table.names.size(); ++i) put(table.names[i], i);
  out += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) put(printable(row[i].text), i);
    out += '\n';
  }
  return out;
}

void append_field(std::string& text, std::string_view key, std::string_view value) {
  constexpr std::size_t kWidth = 14;
  if (value.empty()) return;
  text.append("  ").append(key).append(kWidth - std::min(kWidth, key.size()), ' ').append(" ");
  text.append(printable(value)).append("\n");
}

}  // namespace sluice::text
