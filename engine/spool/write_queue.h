// The order in which records that wait for the disk go into batches: that of start-time fair queueing (Goyal, Vin and
// Cheng, 1996), so that what one customer writes is before another's only by as many bytes as both get.  Records of one
// customer stay in their order.
// Owned by a log; its core's thread only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "engine/message/message_sink.h"

namespace sluice::spool {

// Whose a record is.  Two customers may have the same number; they then share.
using ShareNumber = std::uint8_t;
// 0 is what the spool writes for itself and for deliveries.
[[nodiscard]] inline ShareNumber share_number(const message::Submitter& from) {
  const std::string_view name =
      from.customer.empty() ? std::string_view(from.address) : std::string_view(from.customer);
  return static_cast<ShareNumber>(1 + std::hash<std::string_view>()(name) % 255);
}

// `Write` has bytes(), a ShareNumber `share`, and for this queue alone a WriteOrder `order`.
struct WriteOrder {
  std::uint64_t due = 0;     // bytes that each share has had when its turn comes
  std::uint64_t number = 0;  // in order of arrival
  friend auto operator<=>(const WriteOrder&, const WriteOrder&) = default;
};

template <typename Write>
class WriteQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] Write& front() const { return *heap_.front(); }
  void push(Write& write) {
    std::uint64_t& last = last_[write.share];
    last = std::max(last, now_) + write.bytes();
    write.order = {.due = last, .number = ++number_};
    put(write);
  }
  void pop_front() {
    std::ranges::pop_heap(heap_, later);
    now_ = std::max(now_, heap_.back()->order.due);
    heap_.pop_back();
  }
  // Those that were taken, with the turns that they had.
  void put_back(std::span<Write* const> writes) {
    for (Write* write : writes) put(*write);
  }
  [[nodiscard]] std::vector<Write*> take_all() { return std::exchange(heap_, {}); }

 private:
  static bool later(const Write* a, const Write* b) { return a->order > b->order; }
  void put(Write& write) {
    heap_.push_back(&write);
    std::ranges::push_heap(heap_, later);
  }

  std::vector<Write*> heap_;
  std::array<std::uint64_t, 256> last_{};  // by share: when its last record is due
  std::uint64_t now_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace sluice::spool
