#include "engine/server/listening.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::server {
namespace {

bool is_any(const io::Address& address) {
  return std::ranges::all_of(address.ip_bytes(), [](std::uint8_t byte) { return byte == 0; });
}

std::vector<io::Address> all_addresses(const std::vector<ListenerPlan>& listeners) {
  std::vector<io::Address> all;
  for (const ListenerPlan& listener : listeners)
    all.insert(all.end(), listener.addresses.begin(), listener.addresses.end());
  return all;
}

// A wildcard of ours on the same port is claimed in its place, and would be in the way.
bool is_covered(const io::Address& address, const std::vector<io::Address>& all) {
  return !is_any(address) && std::ranges::any_of(all, [&](const io::Address& other) {
    return is_any(other) && other.family() == address.family() && other.port() == address.port();
  });
}

}  // namespace

std::expected<BoundListeners, std::vector<std::string>> bind_listeners(io::Sockets& sockets,
                                                                       const std::vector<ListenerPlan>& listeners,
                                                                       std::size_t cores) {
  const std::vector<io::Address> all = all_addresses(listeners);
  std::vector<std::string> errors;
  BoundListeners bound;
  for (const io::Address& address : all) {
    if (is_covered(address, all)) continue;
    auto claim = io::PortClaim::claim(address);
    if (claim) {
      bound.claims.push_back(*std::move(claim));
    } else {
      errors.push_back(claim.error());
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  bound.of_cores.resize(cores);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (const io::Address& address : listeners[i].addresses) {
      for (auto& of_core : bound.of_cores) {
        const auto socket = sockets.listen(address, {});
        if (socket) {
          of_core.push_back({*socket, i});
          continue;
        }
        errors.push_back("cannot listen on " + address.to_string() + ": " + std::strerror(socket.error()));
        break;
      }
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  for (io::PortClaim& claim : bound.claims) claim.refuse_others();
  return bound;
}

}  // namespace sluice::server
