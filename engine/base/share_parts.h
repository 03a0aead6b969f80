// What each share has of something that there is only so much of, and whether it may have more: places in a queue,
// bytes of memory.  Nothing is allocated, and all is O(1).  One thread at a time: its owner's, or under its owner's
// mutex.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "engine/base/check.h"
#include "engine/base/share.h"

namespace sluice {

class ShareParts {
 public:
  [[nodiscard]] std::uint64_t total() const { return total_; }
  // Whether `amount` more may be that share's, where there is `most`: as long as anything is left, and also then where
  // it stays within its part, which is by weight among the shares that have any.  A share that is alone may so have all
  // of it, and those that come later have their parts nevertheless.  Hence there may be more than `most`: what share
  // after share may have of it is a sum of weight / (weights so far), at most 1 + ln(255 * kShareWeightMax): eleven
  // times `most`, six times where all weigh one, and twice where there are two.
  [[nodiscard]] bool admits(CustomerShare share, std::uint64_t amount, std::uint64_t most) const {
    if (total_ + amount <= most) return true;
    const Part& part = parts_[share.number];
    const std::uint64_t weight = std::max(part.weight, share.weight);
    return (part.amount + amount) * (weights_ - part.weight + weight) <= most * weight;
  }
  void add(CustomerShare share, std::uint64_t amount) {
    Part& part = parts_[share.number];
    const ShareWeight weight = std::max(part.weight, share.weight);
    weights_ += weight - part.weight;
    part.weight = weight;
    part.amount += amount;
    total_ += amount;
  }
  void remove(CustomerShare share, std::uint64_t amount) {
    Part& part = parts_[share.number];
    CHECK(part.amount >= amount);
    total_ -= amount;
    part.amount -= amount;
    if (part.amount > 0) return;
    weights_ -= part.weight;
    part.weight = 0;
  }

 private:
  struct Part {
    std::uint64_t amount = 0;
    ShareWeight weight = 0;  // the largest of those that came since it had none; 0: it has none
  };
  std::array<Part, std::size_t{std::numeric_limits<ShareNumber>::max()} + 1> parts_{};
  std::uint64_t total_ = 0;
  std::uint64_t weights_ = 0;  // of the shares that have any
};

}  // namespace sluice
