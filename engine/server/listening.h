// The listening sockets of all cores, bound before privileges are dropped.  Main thread, at start-up.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/io/port_claim.h"
#include "engine/server/core.h"
#include "engine/server/plan.h"

namespace sluice::server {

struct BoundListeners {
  std::vector<std::vector<BoundSocket>> of_cores;  // a list a core
  std::vector<io::PortClaim> claims;               // no other process can bind to these addresses while they live
};

// One socket for each address and core; ours alone: fails where another process, a second relay of the same user among
// them, listens already.  The errors are sentences.
std::expected<BoundListeners, std::vector<std::string>> bind_listeners(io::Sockets& sockets,
                                                                       const std::vector<ListenerPlan>& listeners,
                                                                       std::size_t cores);

}  // namespace sluice::server
