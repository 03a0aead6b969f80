// The events as typed values: a struct for each row of table.def, with a member for each key.
//
//   events.emit(event::Listening{.address = text});
//
// A key that the table has not does not compile, nor do keys in another order.  Pure; any thread.
#pragma once

#include <array>
#include <cstdint>

#include "engine/event/value.h"

namespace sluice::event {

enum class Severity : std::uint8_t { debug, info, warning, error };

// One for each row, in the table's order.
enum class Kind : std::uint8_t {
#define EVENT(Type, name, severity, meaning, keys) Type,
#include "engine/event/table.def"
#undef EVENT
};

#define KEY(type, key, meaning) Member::type key{};
#define EVENT(Type, name, severity, meaning, keys)            \
  struct Type {                                               \
    static constexpr Kind kKind = Kind::Type;                 \
    static constexpr Severity kSeverity = Severity::severity; \
    keys                                                      \
  };
#include "engine/event/table.def"
#undef EVENT
#undef KEY

// The values of an event's keys, in the table's order.
#define KEY(type, key, meaning) ToValue::type(event.key),
#define EVENT(Type, name, severity, meaning, keys) \
  inline auto values_of(const Type& event) { return std::array{keys}; }
#include "engine/event/table.def"
#undef EVENT
#undef KEY

}  // namespace sluice::event
