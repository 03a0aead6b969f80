// What an event's keys have for values.  Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "engine/base/time.h"

namespace sluice::event {

// Of a text that is kept; a longer one is cut between characters, and ends in kCut.
inline constexpr std::size_t kTextBytesMax = 1024;
inline constexpr std::string_view kCut = "...";

// A key's types in table.def, as members of its event.  All are cheap to copy; a text is a view of the caller's.
struct Member {
  using text = std::string_view;
  using optional_text = std::string_view;  // left out where it is empty
  using count = std::uint64_t;
  using optional_count = std::optional<std::uint64_t>;  // left out where there is none
  using number = std::int64_t;
  using time = WallMillis;
  using flag = bool;
  using duration = Duration;  // shown in milliseconds with three places
};

// A value of any of these types; monostate: left out.
using Value = std::variant<std::monostate, std::string_view, std::uint64_t, std::int64_t, bool, Duration>;

// Value of a member of each type, by the type's name.
struct ToValue {
  static Value text(std::string_view value) { return value; }
  static Value optional_text(std::string_view value) { return value.empty() ? Value() : Value(value); }
  static Value count(std::uint64_t value) { return value; }
  static Value optional_count(std::optional<std::uint64_t> value) { return value ? Value(*value) : Value(); }
  static Value number(std::int64_t value) { return value; }
  static Value time(WallMillis value) { return std::int64_t{value}; }
  static Value flag(bool value) { return value; }
  static Value duration(Duration value) { return value; }
};

}  // namespace sluice::event
