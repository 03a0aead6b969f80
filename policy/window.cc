#include "policy/window.h"

#include <algorithm>
#include <limits>

#include "engine/base/check.h"

namespace sluice::policy {

void SlidingWindow::advance(WallMillis now) {
  const std::int64_t bucket = std::max<std::int64_t>(now, 0) / bucket_ms_;
  if (bucket <= newest_) return;
  // Those that leave; all of them, where the window was not asked for longer than it is.
  const std::int64_t leaving = std::min<std::int64_t>(bucket - newest_, kSlots);
  for (std::int64_t i = 1; i <= leaving; ++i) {
    std::uint32_t& slot = counts_[static_cast<std::size_t>(bucket - leaving + i) % kSlots];
    sum_ -= slot;
    slot = 0;
  }
  newest_ = bucket;
}

std::uint64_t SlidingWindow::sum(WallMillis now) {
  advance(now);
  return sum_;
}

void SlidingWindow::add(WallMillis now, std::uint64_t amount) {
  advance(now);
  std::uint32_t& slot = counts_[static_cast<std::size_t>(newest_) % kSlots];
  // More than that in one bucket, four thousand million recipients or 4 TiB, cannot come.
  const std::uint64_t room = std::numeric_limits<std::uint32_t>::max() - slot;
  const auto taken = static_cast<std::uint32_t>(std::min(amount, room));
  slot += taken;
  sum_ += taken;
}

WallMillis SlidingWindow::falls_to(std::uint64_t most) const {
  std::uint64_t left = sum_;
  CHECK(left > most);
  for (std::int64_t bucket = std::max<std::int64_t>(newest_ - kBuckets, 0); bucket <= newest_; ++bucket) {
    left -= at(bucket);
    if (left <= most) return (bucket + kBuckets + 1) * bucket_ms_;
  }
  return (newest_ + kBuckets + 1) * bucket_ms_;
}

}  // namespace sluice::policy
