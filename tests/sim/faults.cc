#include "tests/sim/faults.h"

#include <algorithm>
#include <cerrno>

namespace sluice::sim {
namespace {

bool holds(std::uint64_t number, std::uint64_t after, std::uint64_t count) {
  return number >= after && number - after < count;
}

}  // namespace

void SimFaults::clear() {
  calls_.clear();
  streams_.clear();
}

int SimFaults::fails(SimCall call, std::string_view host) {
  ++seen_[static_cast<std::size_t>(call)];
  int error = 0;
  for (auto& [fault, seen] : calls_) {
    if (fault.call != call || !(fault.host.empty() || fault.host == host)) continue;
    if (holds(seen++, fault.after, fault.count) && error == 0) error = fault.error != 0 ? fault.error : EIO;
  }
  return error;
}

std::vector<SimStreamFault> SimFaults::breaks(std::string_view server) {
  std::vector<SimStreamFault> found;
  for (auto& [fault, seen] : streams_) {
    if (!fault.server.empty() && fault.server != server) continue;
    if (holds(seen++, fault.after, fault.count))
      found.insert(std::ranges::upper_bound(found, fault.bytes, {}, &SimStreamFault::bytes), fault);
  }
  return found;
}

}  // namespace sluice::sim
