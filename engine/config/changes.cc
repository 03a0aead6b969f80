#include <algorithm>
#include <set>

#include "engine/config/config.h"

namespace sluice::config {
namespace {

using Changes = std::vector<std::string>;

void compare(Changes& changes, std::string_view key, const std::string& current, const std::string& next) {
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

void compare(Changes& changes, std::string_view key, std::uint64_t current, std::uint64_t next) {
  compare(changes, key, std::to_string(current), std::to_string(next));
}

std::string text_of(SpoolDurability durability) {
  return durability == SpoolDurability::synced ? "synced" : "unsynced";
}

std::string text_of(const std::vector<io::Address>& servers) {
  std::string text;
  for (const io::Address& server : servers) text += (text.empty() ? "" : ", ") + server.to_string();
  return text.empty() ? "the system's" : text;
}

std::string text_of_ms(Duration span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
}

void compare_spools(Changes& changes, const SpoolConfig& current, const SpoolConfig& next) {
  compare(changes, "spool.directory", current.directory, next.directory);
  compare(changes, "spool.durability", text_of(current.durability), text_of(next.durability));
  compare(changes, "spool.segment_bytes", current.segment_bytes, next.segment_bytes);
  compare(changes, "spool.free_bytes_min", current.free_bytes_min, next.free_bytes_min);
  compare(changes, "spool.memory_bytes", current.memory_bytes, next.memory_bytes);
}

void compare_dns(Changes& changes, const DnsConfig& current, const DnsConfig& next) {
  compare(changes, "dns.servers", text_of(current.servers), text_of(next.servers));
  compare(changes, "dns.timeout_ms", text_of_ms(current.timeout), text_of_ms(next.timeout));
  compare(changes, "dns.tries", current.tries, next.tries);
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
  if (old_set == new_set) changes.push_back("listener: the same addresses are divided or ordered in another way");
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
  compare_spools(changes, current.spool, next.spool);
  compare_dns(changes, current.dns, next.dns);
  return changes;
}

}  // namespace sluice::config
