// Names with a record each: the destinations, and the customers, of a schedule.  A record stays as long as something
// uses it, and then until a bounded number of others have come to be unused after it; so what was learned about a
// destination outlives its last message, and a flood of names takes no more memory than it has messages.
// Owned by one schedule; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/base/check.h"
#include "engine/schedule/list.h"
#include "engine/schedule/pages.h"

namespace sluice::schedule::detail {

template <typename T>
class NameTable {
 public:
  // `unused_max`: so many that nothing uses are remembered; at least one, which is the latest.
  explicit NameTable(std::uint32_t unused_max) : unused_max_(unused_max) { CHECK(unused_max > 0); }
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  // The record of that name; a new one is `fresh`.
  std::uint32_t intern(std::string_view name, const T& fresh) {
    if (const auto it = by_name_.find(name); it != by_name_.end()) {
      if (entries_[it->second].uses == 0) {  // now it is the latest
        unlink(unused_, it->second, links());
        append(unused_, it->second, links());
      }
      return it->second;
    }
    if (unused_count_ == unused_max_) forget(unused_.first);
    const std::uint32_t index = allocate();
    Entry& entry = entries_[index];
    entry.value = fresh;
    entry.name = name;
    entry.live = true;
    entry.generation = entry.generation == UINT32_MAX ? 1 : entry.generation + 1;
    by_name_.emplace(entry.name, index);
    append(unused_, index, links());
    ++unused_count_;
    return index;
  }
  [[nodiscard]] std::uint32_t find(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? kNone : it->second;
  }

  T& operator[](std::uint32_t index) { return entries_[index].value; }
  const T& operator[](std::uint32_t index) const { return entries_[index].value; }
  [[nodiscard]] std::string_view name(std::uint32_t index) const { return entries_[index].name; }
  [[nodiscard]] std::uint32_t generation(std::uint32_t index) const { return entries_[index].generation; }
  [[nodiscard]] bool live(std::uint32_t index) const { return index < entries_.size() && entries_[index].live; }
  [[nodiscard]] bool live(std::uint32_t index, std::uint32_t generation) const {
    return live(index) && entries_[index].generation == generation;
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(by_name_.size()); }
  [[nodiscard]] std::uint32_t end() const { return entries_.size(); }  // every index is below

  void use(std::uint32_t index) {
    if (entries_[index].uses++ > 0) return;
    unlink(unused_, index, links());
    --unused_count_;
  }
  void unuse(std::uint32_t index) {
    CHECK(entries_[index].uses > 0);
    if (--entries_[index].uses > 0) return;
    if (unused_count_ == unused_max_) forget(unused_.first);
    append(unused_, index, links());
    ++unused_count_;
  }

 private:
  struct Entry {
    T value{};
    std::string name;
    Links links;  // among the unused, or (next alone) the free
    std::uint32_t generation = 0;
    std::uint32_t uses = 0;
    bool live = false;
  };

  auto links() {
    return [this](std::uint32_t index) -> Links& { return entries_[index].links; };
  }
  std::uint32_t allocate() {
    if (free_ != kNone) return std::exchange(free_, entries_[free_].links.next);
    entries_.push({});
    return entries_.size() - 1;
  }
  void forget(std::uint32_t index) {
    Entry& entry = entries_[index];
    unlink(unused_, index, links());
    --unused_count_;
    by_name_.erase(entry.name);
    entry.value = T{};
    entry.name = {};
    entry.live = false;
    entry.links.next = std::exchange(free_, index);
  }

  Pages<Entry, 6> entries_;
  absl::flat_hash_map<std::string_view, std::uint32_t> by_name_;  // keys are the entries' own names
  List unused_;                                                   // the one unused for longest first
  std::uint32_t unused_count_ = 0;
  std::uint32_t unused_max_;
  std::uint32_t free_ = kNone;
};

}  // namespace sluice::schedule::detail
