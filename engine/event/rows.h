// The rows of table.def as data: for consumers, which show an event by them, and for the documentation.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/event/events.h"

namespace sluice::event {

struct Key {
  std::string_view type;  // as Member has it
  std::string_view name;
  std::string_view meaning;
};

struct Row {
  std::string_view name;
  Severity severity;  // the usual one
  std::string_view meaning;
  std::span<const Key> keys;
};

// Of one event.
inline constexpr std::size_t kKeysMax = 32;

[[nodiscard]] std::span<const Row> rows();
[[nodiscard]] const Row& row_of(Kind kind);
// Null: the event has none such.
[[nodiscard]] const Key* find_key(const Row& row, std::string_view name);
[[nodiscard]] std::string_view severity_text(Severity severity);

}  // namespace sluice::event
