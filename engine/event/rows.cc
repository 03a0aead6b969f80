#include "engine/event/rows.h"

#include <algorithm>
#include <array>

namespace sluice::event {
namespace {

#define KEY(type, key, meaning) {#type, #key, meaning},
#define EVENT(Type, name, severity, meaning, keys) constexpr Key k##Type##Keys[] = {keys};
#include "engine/event/table.def"
#undef EVENT
#undef KEY

constexpr Row kRows[] = {
#define EVENT(Type, name, severity, meaning, keys) {#name, Severity::severity, meaning, k##Type##Keys},
#include "engine/event/table.def"
#undef EVENT
};

static_assert(std::ranges::all_of(kRows, [](const Row& row) { return row.keys.size() <= kKeysMax; }));

// So that they need no escaping, whatever shows them.
constexpr bool is_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}
static_assert(std::ranges::all_of(kRows, [](const Row& row) {
  return is_name(row.name) && std::ranges::all_of(row.keys, [](const Key& key) { return is_name(key.name); });
}));

}  // namespace

std::span<const Row> rows() { return kRows; }

const Row& row_of(Kind kind) { return kRows[static_cast<std::size_t>(kind)]; }

std::string_view severity_text(Severity severity) {
  constexpr std::array<std::string_view, 4> kTexts{"debug", "info", "warning", "error"};
  return kTexts[static_cast<std::size_t>(severity)];
}

const Key* find_key(const Row& row, std::string_view name) {
  const auto found = std::ranges::find(row.keys, name, &Key::name);
  return found == row.keys.end() ? nullptr : &*found;
}

}  // namespace sluice::event
