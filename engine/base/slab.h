// A growing array of records that are named by {index, generation} instead of by address, so that a late
// message about a record that is gone is recognised instead of touching its successor.
// Owned by one core; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "engine/base/check.h"

namespace sluice {

struct SlabId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0 names nothing
  friend bool operator==(SlabId, SlabId) = default;
  explicit operator bool() const { return generation != 0; }
};

template <typename T>
class Slab {
 public:
  // `capacity_max`: no more records than this live at once.
  explicit Slab(std::uint32_t capacity_max) : capacity_max_(capacity_max) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  [[nodiscard]] bool full() const { return live_ == capacity_max_; }
  [[nodiscard]] std::uint32_t live() const { return live_; }

  // Not to be called when full().
  template <typename... Args>
  SlabId insert(Args&&... args) {
    CHECK(!full());
    std::uint32_t index = free_head_;
    if (index != kNone) {
      free_head_ = entries_[index].next_free;
    } else {
      index = static_cast<std::uint32_t>(entries_.size());
      entries_.emplace_back();
    }
    Entry& entry = entries_[index];
    entry.generation = next_generation(entry.generation);
    entry.used = true;
    entry.value = T{std::forward<Args>(args)...};
    ++live_;
    return {index, entry.generation};
  }

  // nullptr when `id` names no live record.
  T* find(SlabId id) {
    if (id.index >= entries_.size()) return nullptr;
    Entry& entry = entries_[id.index];
    return entry.used && entry.generation == id.generation ? &entry.value : nullptr;
  }

  void erase(SlabId id) {
    CHECK(find(id) != nullptr);
    Entry& entry = entries_[id.index];
    entry.value = T{};
    entry.used = false;
    entry.next_free = free_head_;
    free_head_ = id.index;
    --live_;
  }

  template <typename Visit>
  void for_each(Visit&& visit) {
    for (Entry& entry : entries_)
      if (entry.used) visit(entry.value);
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Entry {
    T value{};
    std::uint32_t generation = 0;
    std::uint32_t next_free = kNone;
    bool used = false;
  };

  // Generations use 24 bits, so that {kind, index, generation} fits 64 bits (engine/io/loop.cc).
  static std::uint32_t next_generation(std::uint32_t g) {
    g = (g + 1) & 0xffffffU;
    return g == 0 ? 1 : g;
  }

  std::deque<Entry> entries_;  // addresses stay when it grows
  std::uint32_t free_head_ = kNone;
  std::uint32_t live_ = 0;
  std::uint32_t capacity_max_;
};

}  // namespace sluice
