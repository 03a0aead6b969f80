// What is due when: a heap with four branches (so that a node's branches share a cache line), of which any item can be
// taken out.  Everything is O(log n), of a million items too.
// `Moved` is called with where each item stands: void operator()(std::uint32_t item, std::uint32_t slot); kNone: out.
// Owned by one schedule; that core's thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/time.h"
#include "engine/schedule/list.h"
#include "engine/schedule/pages.h"

namespace sluice::schedule::detail {

struct HeapEntry {
  Instant due;
  std::uint32_t item = kNone;
};

template <typename Moved>
class DueHeap {
 public:
  explicit DueHeap(Moved moved) : moved_(std::move(moved)) {}

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::uint32_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return entries_.bytes(); }
  // The earliest; Instant::max() when empty.
  [[nodiscard]] Instant due() const { return empty() ? Instant::max() : entries_[0].due; }
  [[nodiscard]] std::uint32_t first() const { return entries_[0].item; }
  [[nodiscard]] Instant due_of(std::uint32_t slot) const { return entries_[slot].due; }

  void push(Instant due, std::uint32_t item) {
    entries_.push({due, item});
    rise(entries_.size() - 1, {due, item});
  }

  void remove(std::uint32_t slot) {
    CHECK(slot < entries_.size());
    moved_(entries_[slot].item, kNone);
    const HeapEntry last = entries_[entries_.size() - 1];
    entries_.pop();
    if (slot == entries_.size()) return;
    if (slot > 0 && last.due < entries_[parent(slot)].due)
      rise(slot, last);
    else
      sink(slot, last);
  }

 private:
  static constexpr std::uint32_t kBranches = 4;
  static std::uint32_t parent(std::uint32_t slot) { return (slot - 1) / kBranches; }

  void put(std::uint32_t slot, HeapEntry entry) {
    entries_[slot] = entry;
    moved_(entry.item, slot);
  }
  void rise(std::uint32_t slot, HeapEntry entry) {
    while (slot > 0 && entry.due < entries_[parent(slot)].due) {
      put(slot, entries_[parent(slot)]);
      slot = parent(slot);
    }
    put(slot, entry);
  }
  void sink(std::uint32_t slot, HeapEntry entry) {
    for (;;) {
      const std::uint32_t begin = slot * kBranches + 1;
      if (begin >= entries_.size()) break;
      const std::uint32_t end = std::min(begin + kBranches, entries_.size());
      std::uint32_t least = begin;
      for (std::uint32_t i = begin + 1; i < end; ++i)
        if (entries_[i].due < entries_[least].due) least = i;
      if (entries_[least].due >= entry.due) break;
      put(slot, entries_[least]);
      slot = least;
    }
    put(slot, entry);
  }

  Pages<HeapEntry, 12> entries_;
  Moved moved_;
};

}  // namespace sluice::schedule::detail
