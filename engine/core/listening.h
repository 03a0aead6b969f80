// The listening sockets of all cores, bound before privileges are dropped.  Main thread, at start-up.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/core/core.h"
#include "engine/core/plan.h"

namespace sluice::core {

// One socket for each address and core, a list a core; ours alone: fails where another process, a second relay of the
// same user among them, listens already.  The errors are sentences.
std::expected<std::vector<std::vector<BoundSocket>>, std::vector<std::string>> bind_listeners(
    io::Sockets& sockets, const std::vector<ListenerPlan>& listeners, std::size_t cores);

}  // namespace sluice::core
