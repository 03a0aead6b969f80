#include "engine/net/resolver.h"

namespace sluice::net {

Task<std::expected<Resolver::Addresses, std::string>> Resolver::look_up(std::string host,
                                                                        std::uint16_t port) {
  if (const auto literal = io::Address::from_ip(host, port)) co_return Addresses{*literal};
  const std::string key = host + ":" + std::to_string(port);
  if (const auto it = known_.find(key); it != known_.end() && it->second.until > loop_.now())
    co_return it->second.addresses;

  using Found = std::expected<Addresses, std::string>;
  auto answer = co_await io::run_on_worker<Found>(
      loop_, [&] { return names_.look_up(host, port); }, "name look-up");
  Found found = answer ? *std::move(answer) : std::unexpected("too many name look-ups wait");
  if (found) {
    known_[key] = {*found, loop_.now() + kKeep};
    co_return found;
  }
  if (const auto it = known_.find(key); it != known_.end()) co_return it->second.addresses;
  co_return found;
}

}  // namespace sluice::net
