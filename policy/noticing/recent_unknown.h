// The recipients that were refused as unknown lately, 16 bits of each one's hash: a mailbox that is gone counts once,
// however often a daily report goes to it.  Values; one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/noticing/fields.h"

namespace sluice::noticing {

class RecentUnknown {
 public:
  // False: it is among the last ones.
  bool add(std::uint64_t address) {
    const auto key = static_cast<std::uint16_t>(address >> 48);
    const auto end = keys_.begin() + size_;
    if (std::find(keys_.begin(), end, key) != end) return false;
    size_ = std::max<std::uint8_t>(size_, next_ + 1);
    keys_[next_] = key;
    next_ = static_cast<std::uint8_t>((next_ + 1) % keys_.size());
    return true;
  }

  void visit(this auto& self, auto& fields) {
    fields(self.size_, self.next_);
    if constexpr (kReading<decltype(fields)>) {
      fields.require(self.size_ <= kKept && self.next_ < kKept);
      if (!fields.fine()) return;
    }
    fields.each(std::span(self.keys_).first(self.size_));
  }

 private:
  static constexpr std::size_t kKept = 24;
  std::array<std::uint16_t, kKept> keys_{};
  std::uint8_t size_ = 0;
  std::uint8_t next_ = 0;
};

}  // namespace sluice::noticing
