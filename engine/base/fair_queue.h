// The order in which what waits for a shared resource gets it: that of start-time fair queueing (Goyal, Vin and Cheng,
// 1996), so that what one customer asks for is before another's only by as much as both get, by weight.  Items of one
// customer stay in their order.  For the disk's batches, the jobs of workers and the questions to the name service. One
// thread at a time: its owner's, or under its owner's mutex.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/share_parts.h"

namespace sluice {

struct FairOrder {
  std::uint64_t due = 0;     // what each share has had when its turn comes
  std::uint64_t number = 0;  // in order of arrival
  friend auto operator<=>(const FairOrder&, const FairOrder&) = default;
};

// `Item` has a CustomerShare `share`, and for this queue alone a FairOrder `order`.  Items are the caller's.
template <typename Item>
class FairQueue {
 public:
  // Long enough that what division by a weight loses of it is nothing.
  static constexpr std::uint64_t kSameCost = std::uint64_t{1} << 20U;

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  // Whether one more of that share may wait where there is a bound (ShareParts): one that has less than its part of it
  // may all the same.
  [[nodiscard]] bool admits(CustomerShare share, std::size_t most) const { return parts_.admits(share, 1, most); }
  [[nodiscard]] Item& front() const { return *heap_.front(); }
  // `cost`: how much of the resource it takes: bytes, or kSameCost where all take the same.  A share's weight divides
  // it.
  void push(Item& item, std::uint64_t cost) {
    std::uint64_t& last = last_[item.share.number];
    last = std::max(last, now_) + (cost + item.share.weight - 1) / item.share.weight;
    item.order = {.due = last, .number = ++number_};
    put(item);
  }
  void pop_front() {
    std::ranges::pop_heap(heap_, later);
    const Item& item = *heap_.back();
    now_ = std::max(now_, item.order.due);
    parts_.remove(item.share, 1);
    heap_.pop_back();
  }
  // Those that were taken, with the turns that they had.
  void put_back(std::span<Item* const> items) {
    for (Item* item : items) put(*item);
  }
  [[nodiscard]] std::vector<Item*> take_all() {
    parts_ = {};
    return std::exchange(heap_, {});
  }

 private:
  static bool later(const Item* a, const Item* b) { return a->order > b->order; }
  void put(Item& item) {
    parts_.add(item.share, 1);
    heap_.push_back(&item);
    std::ranges::push_heap(heap_, later);
  }

  std::vector<Item*> heap_;
  std::array<std::uint64_t, 256> last_{};  // by share: when its last item is due
  ShareParts parts_;                       // items that wait
  std::uint64_t now_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace sluice
