// Records from one thread to another, bounded, without a lock: one producer thread and one consumer thread.  A record
// is contiguous, so that it is written and read in place: where it does not fit up to the end of the storage, it begins
// at the front, and a mark says so.
//
//   slot = size (8 bytes) record padding (to 8 bytes)   |   kSkip (8 bytes), then unused up to the end
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/check.h"

namespace sluice::event {

class Ring {
 public:
  // `capacity` is in bytes, a power of two.
  explicit Ring(std::size_t capacity)
      : capacity_(capacity), words_(std::make_unique<std::uint64_t[]>(capacity / kWord)) {
    CHECK(std::has_single_bit(capacity) && capacity >= kWord);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // The producer: room for a record of `bytes`, which are its to write until publish(); empty when there is none, or
  // when less than `kept_free` bytes would be left.
  [[nodiscard]] std::span<char> reserve(std::size_t bytes, std::size_t kept_free) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t slot = slot_bytes(bytes);
    const std::size_t to_end = capacity_ - (head & (capacity_ - 1));
    const std::size_t skipped = slot > to_end ? to_end : 0;
    if (!has_room(head, skipped + slot + kept_free)) return {};
    if (skipped > 0) word(head) = kSkip;
    word(head + skipped) = bytes;
    reserved_ = head + skipped + slot;
    return {record(head + skipped), bytes};
  }
  // The producer: what was reserved is complete.
  void publish() {
    // In one order with the consumer's "nothing to do, asleep": one of the two sees the other.
    head_.store(reserved_, std::memory_order_seq_cst);
  }
  // The producer: more than half full, by what the producer has seen of the consumer.
  [[nodiscard]] bool half_full() { return !has_room(head_.load(std::memory_order_relaxed), capacity_ / 2); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  // The consumer.
  [[nodiscard]] bool empty() const {
    return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_relaxed);
  }
  // The consumer: the bytes that records wait in.
  [[nodiscard]] std::size_t waiting() const {
    return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed);
  }
  // The consumer: the oldest record, valid until pop().  There must be one.
  [[nodiscard]] std::span<const char> front() {
    CHECK(!empty());
    std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (word(tail) == kSkip) {
      tail += capacity_ - (tail & (capacity_ - 1));
      tail_.store(tail, std::memory_order_release);
    }
    return {record(tail), word(tail)};
  }
  void pop() {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    tail_.store(tail + slot_bytes(word(tail)), std::memory_order_release);
  }

 private:
  static constexpr std::size_t kCacheLine = 64;
  static constexpr std::size_t kWord = sizeof(std::uint64_t);
  static constexpr std::uint64_t kSkip = std::uint64_t(-1);

  static std::size_t slot_bytes(std::size_t bytes) { return kWord + (bytes + kWord - 1) / kWord * kWord; }
  std::uint64_t& word(std::size_t position) { return words_[(position & (capacity_ - 1)) / kWord]; }
  char* record(std::size_t position) { return reinterpret_cast<char*>(&word(position) + 1); }
  bool has_room(std::size_t head, std::size_t bytes) {
    if (bytes <= capacity_ - (head - tail_seen_)) return true;
    tail_seen_ = tail_.load(std::memory_order_acquire);
    return bytes <= capacity_ - (head - tail_seen_);
  }

  const std::size_t capacity_;
  const std::unique_ptr<std::uint64_t[]> words_;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t reserved_ = 0;  // the producer's, like the next
  std::size_t tail_seen_ = 0;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
};

}  // namespace sluice::event
