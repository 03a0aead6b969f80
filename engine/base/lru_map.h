// A map by name that keeps the order in which its entries were used, so that its owner can bound it: a full cache
// forgets what was longest unused. An entry stays where it is in memory for as long as it is in the map. One thread at
// a time.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"

namespace sluice {

template <typename Value>
class LruMap {
 public:
  [[nodiscard]] std::size_t size() const { return by_key_.size(); }
  [[nodiscard]] bool empty() const { return by_key_.empty(); }

  // Null: there is none. What is found counts as used now.
  Value* find(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // For a key that is not in the map.
  Value& insert(std::string_view key, Value value) {
    entries_.push_front({.key = std::string(key), .value = std::move(value)});
    CHECK(by_key_.emplace(entries_.front().key, entries_.begin()).second);
    return entries_.front().value;
  }

  void erase(std::string_view key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    const auto entry = found->second;
    by_key_.erase(found);  // first: its key is the entry's
    entries_.erase(entry);
  }

  // Those that were longest unused go, at most so many, as long as `over(value)` says so.
  template <typename Over>
  void drop_unused(std::size_t most, Over over) {
    for (; most > 0 && !empty() && over(entries_.back().value); --most) erase(entries_.back().key);
  }

  // Those that were longest unused go, as long as `takes(key, value)` takes them.
  template <typename Takes>
  void drain_unused(Takes takes) {
    while (!empty() && takes(std::string_view(entries_.back().key), std::as_const(entries_.back().value)))
      erase(entries_.back().key);
  }

  // All for which `over(key, value)` says so.  How many.
  template <typename Over>
  std::size_t erase_if(Over over) {
    const std::size_t before = size();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto each = entry++;
      if (over(std::string_view(each->key), each->value)) erase(each->key);
    }
    return before - size();
  }

  // visit(key, value) for all, used last first.
  template <typename Visit>
  void for_each(Visit visit) {
    for (Entry& entry : entries_) visit(std::string_view(entry.key), entry.value);
  }

  void clear() {
    by_key_.clear();
    entries_.clear();
  }

  // Makes room for one more where there are `entries_max` or more.
  void make_room(std::size_t entries_max) {
    while (!empty() && size() >= entries_max) erase(entries_.back().key);
  }

 private:
  struct Entry {
    std::string key;
    Value value;
  };
  std::list<Entry> entries_;                                                          // used last comes first
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> by_key_;  // views into entries_
};

}  // namespace sluice
