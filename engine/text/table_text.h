// Tables as sluicectl prints them: columns for a reader, or JSON.
// Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/json_text.h"

namespace sluice::text {

// One cell of a table: its text, and whether JSON writes it as a number.
struct Cell {
  Cell(std::string_view value) : text(value) {}                             // NOLINT(google-explicit-constructor)
  Cell(const std::string& value) : text(value) {}                           // NOLINT(google-explicit-constructor)
  Cell(const char* value) : text(value) {}                                  // NOLINT(google-explicit-constructor)
  Cell(std::uint64_t value) : text(std::to_string(value)), number(true) {}  // NOLINT(google-explicit-constructor)
  std::string text;
  bool number = false;
  [[nodiscard]] std::string json() const { return number ? text : json_string(text); }
};

struct Table {
  std::vector<std::string_view> names;
  std::vector<std::vector<Cell>> rows;
};

[[nodiscard]] std::string as_json(const Table& table);
// One row of one.
[[nodiscard]] std::string json_object(std::span<const std::string_view> names, std::span<const Cell> row);
// What others have sent reaches the operator's terminal here: nothing does that acts on it or misleads a reader, see
// with_question_marks().  Empty: "-".
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string as_text(const Table& table);
// A line of what is shown of one thing: "  key            value", made printable.  An empty value has none.
void append_field(std::string& text, std::string_view key, std::string_view value);

}  // namespace sluice::text
