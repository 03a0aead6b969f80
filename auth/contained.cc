#include "auth/contained.h"

#include <algorithm>

#include "auth/text.h"

namespace sluice::auth {

bool Contained::covers(std::string_view account, std::string_view customer, std::string_view client) const {
  if (empty()) return false;
  const auto ip = parse_ip(client);
  return std::ranges::find(accounts, login_key(account)) != accounts.end() ||
         std::ranges::any_of(customers, [&](const std::string& each) { return equal_ignoring_case(each, customer); }) ||
         (ip && std::ranges::any_of(networks, [&](const Network& each) { return each.contains(ip->span()); }));
}

}  // namespace sluice::auth
