// The recipients that were refused as unknown lately, 16 bits of each one's hash: a mailbox that is gone counts once,
// however often a daily report goes to it.  Values; one thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "policy/noticing/compact_vector.h"

namespace sluice::noticing {

class RecentUnknown {
 public:
  // False: it is among the last ones.
  bool add(std::uint64_t address) {
    const auto key = static_cast<std::uint16_t>(address >> 48);
    if (std::ranges::find(keys_.all(), key) != keys_.all().end()) return false;
    if (!keys_.full()) {
      keys_.append(key);
      return true;
    }
    keys_.all()[next_] = key;
    next_ = static_cast<std::uint8_t>((next_ + 1) % keys_.size());
    return true;
  }

  void visit(this auto& self, auto& fields) {
    fields(self.keys_, self.next_);
    if constexpr (kReading<decltype(fields)>) fields.require(self.next_ < kKept);
  }
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return keys_.bytes(); }

 private:
  static constexpr std::size_t kKept = 24;
  CompactVector<std::uint16_t, kKept> keys_;
  std::uint8_t next_ = 0;  // whose place the next takes, when full
};

}  // namespace sluice::noticing
