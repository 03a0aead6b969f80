// What the messages that are coming in may hold in memory on one core, shared by customers: until the next hop has
// taken them, or they are written to the spool.  A message of which no more may be held is written there early, and
// goes on. Owned by a core, outlives its message sinks; that core's thread only.
#pragma once

#include <cstdint>

#include "engine/base/share_parts.h"
#include "engine/route/route.h"

namespace sluice::relay {

class MemoryBudget {
 public:
  // `most`: bytes.  Customers share it as ShareParts says, so that for a while there may be more.
  explicit MemoryBudget(std::uint64_t most) : most_(most) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // What is held beyond a new bound stays until its messages end.
  void set_most(std::uint64_t most) { most_ = most; }
  [[nodiscard]] bool take(CustomerShare share, std::uint64_t bytes) {
    if (!parts_.admits(share, bytes, most_)) return false;
    parts_.add(share, bytes);
    return true;
  }
  // Beyond what each message has without asking.
  [[nodiscard]] std::uint64_t held() const { return parts_.total(); }
  void give_back(CustomerShare share, std::uint64_t bytes) { parts_.remove(share, bytes); }

 private:
  ShareParts parts_;
  std::uint64_t most_;
};

// What one message has of it.
class MemoryUse {
 public:
  MemoryUse(MemoryBudget& budget, CustomerShare share) : budget_(budget), share_(share) {}
  ~MemoryUse() { static_cast<void>(cover(0)); }
  MemoryUse(const MemoryUse&) = delete;
  MemoryUse& operator=(const MemoryUse&) = delete;

  // It holds so many bytes now.  False: it is not to hold more than before.
  [[nodiscard]] bool cover(std::uint64_t bytes) {
    constexpr std::uint64_t kStep = route::kMessageMemoryStep;
    const std::uint64_t wanted = bytes <= kStep ? 0 : (bytes - 1) / kStep * kStep;
    if (wanted == taken_) return true;
    if (wanted > taken_ && !budget_.take(share_, wanted - taken_)) return false;
    if (wanted < taken_) budget_.give_back(share_, taken_ - wanted);
    taken_ = wanted;
    return true;
  }

 private:
  MemoryBudget& budget_;
  CustomerShare share_;
  std::uint64_t taken_ = 0;  // bytes beyond what it has without asking
};

}  // namespace sluice::relay
