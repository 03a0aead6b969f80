// An event as bytes in a ring: its head, then a tag and a value for each of its keys.  Pure; any thread; allocates
// nothing.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "engine/base/time.h"
#include "engine/event/rows.h"
#include "engine/event/value.h"

namespace sluice::event {

struct RecordHead {
  WallMillis at = 0;
  Kind kind{};
  Severity severity{};
};

// An event as consumers see it.  A view of the ring.
struct Event {
  WallMillis at = 0;
  Kind kind{};
  Severity severity{};
  const Row& row;
  std::span<const Value> values;  // of row.keys, in their order
};

// Null: the event has no such key.
[[nodiscard]] const Value* find_value(const Event& event, std::string_view key);

// Of the record of an event with these values.
[[nodiscard]] std::size_t record_bytes(std::span<const Value> values);
// `out` has exactly that many bytes.
void write_record(std::span<char> out, const RecordHead& head, std::span<const Value> values);
// `values` is where those of the result are.
[[nodiscard]] Event read_record(std::span<const char> record, std::array<Value, kKeysMax>& values);

}  // namespace sluice::event
