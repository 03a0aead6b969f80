// The configuration as its readers see it: every table and key, with what is said of it where it is declared
// (sections.cc, listener.cc, route.cc, delivery.cc).  Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"

namespace sluice::config {

enum class TableForm : std::uint8_t {
  once,    // [limits]
  listed,  // [[route]]
};
// How a change comes into force.
enum class Change : std::uint8_t { reload, restart };
// Of a key in the example.
enum class Shown : std::uint8_t {
  as_comment,
  in_force,  // has to be set
};

struct DocumentedKey {
  std::string_view name;  // "idle_s"
  std::string about;      // one paragraph without line ends; empty: that of the key before it holds for it, too
  Change change = Change::reload;
  std::string value;         // its default, in TOML; empty: it has none of its own (a table within a list)
  std::string_view example;  // shown in place of the default; empty: the default is
  Shown shown = Shown::as_comment;
  std::optional<ConfigRange> range;  // of a number, or of each in a list
};

struct DocumentedTable {
  std::string name;     // "limits", "route", "route.hosts"
  std::string heading;  // what is said of the whole table: lines
  TableForm form = TableForm::once;
  std::vector<DocumentedKey> keys;
};

// In the order in which a file has them.
[[nodiscard]] std::vector<DocumentedTable> documentation();

}  // namespace sluice::config
