#include "engine/relay/host_memory.h"

#include <algorithm>

namespace sluice::relay {

Instant HostMemory::Entry::last() const { return *std::ranges::max_element(until); }

void HostMemory::note(std::string_view host, Lack lack, Instant now) {
  auto at = hosts_.find(host);
  if (at == hosts_.end()) {
    make_room(now);
    at = hosts_.emplace(host, Entry{}).first;
  }
  at->second.until[static_cast<std::size_t>(lack)] = now + kRemembered;
}

void HostMemory::make_room(Instant now) {
  if (hosts_.size() < kHostsMax) return;
  std::erase_if(hosts_, [now](const auto& each) { return each.second.last() <= now; });
  if (hosts_.size() < kHostsMax) return;
  hosts_.erase(std::ranges::min_element(hosts_, {}, [](const auto& each) { return each.second.last(); }));
}

bool HostMemory::lacks(std::string_view host, Lack lack, Instant now) const {
  const auto at = hosts_.find(host);
  return at != hosts_.end() && at->second.until[static_cast<std::size_t>(lack)] > now;
}

smtp::Capabilities HostMemory::usable(std::string_view host, smtp::Capabilities offered, Instant now) const {
  if (lacks(host, Lack::pipelining, now)) offered.pipelining = false;
  if (lacks(host, Lack::chunking, now)) offered.chunking = false;
  return offered;
}

}  // namespace sluice::relay
