#include "auth/identity.h"

#include "auth/text.h"

namespace sluice::auth {

// An address compares as login names do: without case, and its domain however that is spelled.
bool Identity::may_send_as(std::string_view local, std::string_view domain) const {
  if (!may_send_from(domain) || (narrowed_to != nullptr && !narrowed_to->covers(local, domain))) return false;
  if (device == nullptr || device->senders.empty()) return true;
  const std::string address = login_key(std::string(local) + "@" + std::string(domain));
  return std::ranges::find(device->senders, address) != device->senders.end();
}

bool Identity::admits(std::string_view client_ip) const {
  if (device == nullptr || device->networks.empty()) return true;
  const auto ip = parse_ip(client_ip);
  return ip && std::ranges::any_of(device->networks, [&](const Network& each) { return each.contains(ip->span()); });
}

}  // namespace sluice::auth
