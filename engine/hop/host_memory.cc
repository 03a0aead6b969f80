#include "engine/hop/host_memory.h"

#include <algorithm>
#include <numeric>

namespace sluice::hop {

std::string_view lack_text(Lack lack) {
  switch (lack) {
    case Lack::tls:
      return "STARTTLS";
    case Lack::second_hello:
      return "EHLO behind a message";
    case Lack::last_word:
      return "an answer behind a message";
    case Lack::pipelining:
      return "PIPELINING";
    case Lack::chunking:
      return "CHUNKING";
    case Lack::parameters:
      return "SIZE, DSN and AUTH";
    case Lack::bodies:
      return "8BITMIME and SMTPUTF8";
  }
  return "?";
}

smtp::Capabilities without(smtp::Capabilities offered, Lack lack) {
  switch (lack) {
    case Lack::tls:
      offered.starttls = false;
      break;
    case Lack::second_hello:
    case Lack::last_word:
      break;
    case Lack::pipelining:
      offered.pipelining = false;
      break;
    case Lack::chunking:
      offered.chunking = offered.binary_mime = false;
      break;
    case Lack::parameters:
      offered.size = offered.dsn = offered.auth = false;
      break;
    case Lack::bodies:
      offered.eight_bit_mime = offered.smtputf8 = false;
      break;
  }
  return offered;
}

Instant HostMemory::Entry::last() const { return *std::ranges::max_element(until); }

void HostMemory::note(std::string_view host, Lack lack, std::string_view why, Instant now) {
  const bool known = lacks(host, lack, now);
  auto at = hosts_.find(host);
  if (at == hosts_.end()) {
    make_room(now);
    at = hosts_.emplace(host, Entry{}).first;
  }
  at->second.until[static_cast<std::size_t>(lack)] = now + kRemembered;
  if (known) return;
  ++noted_[static_cast<std::size_t>(lack)];
  if (on_note_) on_note_(host, lack, why);
}

std::uint64_t HostMemory::noted_beside(Lack lack) const {
  return std::accumulate(noted_.begin(), noted_.end(), std::uint64_t{0}) - noted(lack);
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
  const auto at = hosts_.find(host);
  if (at == hosts_.end()) return offered;
  for (std::size_t i = 0; i < kLacks; ++i)
    if (at->second.until[i] > now && static_cast<Lack>(i) != Lack::tls)
      offered = without(offered, static_cast<Lack>(i));
  return offered;
}

}  // namespace sluice::hop
