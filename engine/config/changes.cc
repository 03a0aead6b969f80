#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config/config.h"

namespace sluice::config {
namespace {

using Changes = std::vector<std::string>;

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
  if (old_set == new_set) changes.emplace_back("listener: the same addresses are divided or ordered in another way");
}

std::string table_of(const std::string& key) { return key.substr(0, key.rfind('.')); }

// Tables that may be listed come and go with all of their keys.
void compare_fixed(Changes& changes, const Config& current, const Config& next) {
  std::map<std::string_view, std::string_view> before;
  std::map<std::string_view, std::string_view> after;
  for (const FixedSetting& setting : current.fixed) before.emplace(setting.key, setting.value);
  for (const FixedSetting& setting : next.fixed) after.emplace(setting.key, setting.value);
  std::set<std::string> tables;
  for (const FixedSetting& setting : current.fixed) {
    const auto found = after.find(setting.key);
    if (found == after.end()) {
      if (tables.insert(table_of(setting.key)).second) changes.push_back(table_of(setting.key) + " is gone");
    } else if (found->second != setting.value) {
      changes.push_back(setting.key + ": " + setting.value + " became " + std::string(found->second));
    }
  }
  for (const FixedSetting& setting : next.fixed)
    if (!before.contains(setting.key) && tables.insert(table_of(setting.key)).second)
      changes.push_back(table_of(setting.key) + " is new");
}

}  // namespace

std::vector<std::string> changes_that_need_restart(const Config& current, const Config& next) {
  Changes changes;
  compare_fixed(changes, current, next);
  compare_listeners(changes, current, next);
  return changes;
}

}  // namespace sluice::config
