#include <algorithm>
#include <set>

#include "engine/core/config.h"

namespace sluice::core {
namespace {

using Changes = std::vector<std::string>;

void compare(Changes& changes, std::string_view key, const std::string& current,
             const std::string& next) {
  if (current != next) changes.push_back(std::string(key) + ": " + current + " became " + next);
}

void compare(Changes& changes, std::string_view key, std::uint32_t current, std::uint32_t next) {
  compare(changes, key, std::to_string(current), std::to_string(next));
}

void compare(Changes& changes, std::string_view key, Duration current, Duration next) {
  const auto seconds = [](Duration span) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count());
  };
  compare(changes, key, seconds(current), seconds(next));
}

using Addresses = std::vector<std::vector<std::string>>;

// A socket belongs to its listener by number, so that order counts too.
Addresses addresses_of(const Config& config) {
  Addresses all;
  for (const ListenerConfig& listener : config.listeners) {
    auto& of_one = all.emplace_back();
    for (const io::Address& address : listener.addresses) of_one.push_back(address.to_string());
    std::ranges::sort(of_one);
  }
  return all;
}

std::set<std::string> flat(const Addresses& addresses) {
  std::set<std::string> all;
  for (const auto& of_one : addresses) all.insert(of_one.begin(), of_one.end());
  return all;
}

void compare_listeners(Changes& changes, const Config& current, const Config& next) {
  const Addresses before = addresses_of(current);
  const Addresses after = addresses_of(next);
  if (before == after) return;
  const auto old_set = flat(before);
  const auto new_set = flat(after);
  for (const std::string& address : old_set) {
    if (!new_set.contains(address)) changes.push_back("listener: " + address + " is gone");
  }
  for (const std::string& address : new_set) {
    if (!old_set.contains(address)) changes.push_back("listener: " + address + " is new");
  }
  if (old_set == new_set)
    changes.push_back("listener: the same addresses are divided or ordered in another way");
}

}  // namespace

std::vector<std::string> changes_that_need_restart(const Config& current, const Config& next) {
  Changes changes;
  const ServerConfig& was = current.server;
  const ServerConfig& is = next.server;
  compare(changes, "server.cores", was.cores, is.cores);
  compare(changes, "server.workers", was.workers, is.workers);
  compare(changes, "server.user", was.user, is.user);
  compare(changes, "server.group", was.group, is.group);
  compare(changes, "server.state_dir", was.state_dir, is.state_dir);
  compare(changes, "server.control", was.control, is.control);
  compare(changes, "store.accounts", current.store.accounts, next.store.accounts);
  compare(changes, "store.cached_logins", current.store.cached_logins, next.store.cached_logins);
  compare(changes, "store.granted_ttl_s", current.store.granted_ttl, next.store.granted_ttl);
  compare(changes, "store.refused_ttl_s", current.store.refused_ttl, next.store.refused_ttl);
  compare_listeners(changes, current, next);
  return changes;
}

}  // namespace sluice::core
