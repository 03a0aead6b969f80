// The value of an event's key as text.  Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "engine/event/value.h"

namespace sluice::event {

// How durations are shown: in milliseconds with three places, 12.345, or without any, 12.
enum class MillisText : std::uint8_t { exact, whole };

// Empty: it is left out.
[[nodiscard]] std::string value_text(const Value& value, MillisText durations);

}  // namespace sluice::event
