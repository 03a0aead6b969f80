// What the control socket answers: the cores' status, as text for people and as JSON for programs.
// Pure; any thread.
#pragma once

#include <span>
#include <string>

#include "engine/core/core.h"

namespace sluice::core {

enum class StatusView : std::uint8_t { status, sessions, pools, counters };

std::string report(StatusView view, std::span<const CoreStatus> cores, bool json);

}  // namespace sluice::core
