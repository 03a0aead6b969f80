#include "policy/window.h"

#include <algorithm>
#include <limits>

#include "engine/base/check.h"

namespace sluice::policy {

void SlidingWindow::advance(WallMillis now) {
  constexpr std::int64_t kLast = (std::int64_t{1} << kNewestBits) - 1;
  const std::int64_t bucket = std::clamp<std::int64_t>(now / bucket_ms(), 0, kLast);
  if (bucket <= newest_bucket()) return;
  std::size_t left = 0;
  for (; left < at_.size && bucket_of(left) < bucket - kBuckets; ++left) sum_ -= counts_[left];
  if (left > 0) {
    std::copy(counts_.get() + left, counts_.get() + at_.size, counts_.get());
    std::copy(numbers() + left, numbers() + at_.size, numbers());
    at_.size -= left;
  }
  at_.newest = static_cast<std::uint64_t>(bucket);
}

std::uint64_t SlidingWindow::sum(WallMillis now) {
  advance(now);
  return sum_;
}

void SlidingWindow::add(WallMillis now, std::uint64_t amount) {
  advance(now);
  if (amount == 0) return;
  if (at_.size == 0 || bucket_of(at_.size - 1) != newest_bucket()) append_newest();
  std::uint32_t& count = counts_[at_.size - 1];
  // More than that in one bucket, four thousand million recipients or 4 TiB, cannot come.
  const std::uint64_t room = std::numeric_limits<std::uint32_t>::max() - count;
  const auto taken = static_cast<std::uint32_t>(std::min(amount, room));
  count += taken;
  sum_ += taken;
}

void SlidingWindow::append_newest() {
  if (at_.size == at_.capacity) grow();
  counts_[at_.size] = 0;
  numbers()[at_.size] = static_cast<std::uint8_t>(at_.newest);
  ++at_.size;
}

// By a quarter, and first to what an allocator rounds up to: 3 buckets take 16 bytes, 6 take 32.
void SlidingWindow::grow() {
  constexpr std::size_t kLeast = 3;
  const std::size_t size = at_.size;
  const std::size_t capacity = std::min(kSlots, size + std::max(kLeast, size / 4));
  CHECK(capacity > size);
  auto counts = std::make_unique<std::uint32_t[]>(words(capacity));
  std::copy_n(counts_.get(), size, counts.get());
  std::copy_n(numbers(), size, numbers(counts.get(), capacity));
  counts_ = std::move(counts);
  at_.capacity = capacity;
}

WallMillis SlidingWindow::falls_to(std::uint64_t most) const {
  std::uint64_t left = sum_;
  CHECK(left > most);
  std::size_t leaving = 0;
  while (left > most) left -= counts_[leaving++];
  return (bucket_of(leaving - 1) + kBuckets + 1) * bucket_ms();
}

}  // namespace sluice::policy
