// Bytes from one thread to another, bounded, without a lock: whole lines go in, and come out in
// pieces of any size. One writer thread and one reader thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "engine/base/check.h"

namespace sluice::log {

class LogRing {
 public:
  // A power of two.
  explicit LogRing(std::size_t capacity) : capacity_(capacity), bytes_(std::make_unique<char[]>(capacity)) {
    CHECK(std::has_single_bit(capacity));
  }
  LogRing(const LogRing&) = delete;
  LogRing& operator=(const LogRing&) = delete;

  // The writer.  All of it or nothing: false when there is no room.
  bool write(std::string_view bytes) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (bytes.size() > capacity_ - (head - tail_seen_)) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (bytes.size() > capacity_ - (head - tail_seen_)) return false;
    }
    const std::size_t at = head & (capacity_ - 1);
    const std::size_t before_end = std::min(bytes.size(), capacity_ - at);
    std::memcpy(bytes_.get() + at, bytes.data(), before_end);
    std::memcpy(bytes_.get(), bytes.data() + before_end, bytes.size() - before_end);
    // In one order with the reader's "nothing to do, asleep": one of the two sees the other.
    head_.store(head + bytes.size(), std::memory_order_seq_cst);
    return true;
  }
  // The writer: more than half full, as far as it knows.
  [[nodiscard]] bool half_full() {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ <= capacity_ / 2) return false;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return head - tail_seen_ > capacity_ / 2;
  }

  // The reader: what is there, up to the end of the storage, so perhaps not all.  Holds until
  // consume().
  [[nodiscard]] std::string_view readable() const {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t size = head_.load(std::memory_order_seq_cst) - tail;
    const std::size_t at = tail & (capacity_ - 1);
    return {bytes_.get() + at, std::min(size, capacity_ - at)};
  }
  void consume(std::size_t size) {
    tail_.store(tail_.load(std::memory_order_relaxed) + size, std::memory_order_release);
  }

 private:
  static constexpr std::size_t kCacheLine = 64;

  const std::size_t capacity_;
  const std::unique_ptr<char[]> bytes_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;  // the writer's
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
};

}  // namespace sluice::log
