#include <algorithm>
#include <set>

#include "engine/base/check.h"
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
  if (old_set == new_set) changes.push_back("listener: the same addresses are divided or ordered in another way");
}

}  // namespace

std::vector<std::string> changes_that_need_restart(const Config& current, const Config& next) {
  Changes changes;
  CHECK(current.fixed.size() == next.fixed.size());
  for (std::size_t i = 0; i < current.fixed.size(); ++i) {
    const FixedSetting& before = current.fixed[i];
    const FixedSetting& after = next.fixed[i];
    CHECK(before.key == after.key);
    if (before.value != after.value) changes.push_back(before.key + ": " + before.value + " became " + after.value);
  }
  compare_listeners(changes, current, next);
  return changes;
}

}  // namespace sluice::config
