// Whose mail waits for the disk, and whether a customer with little of it waits beside another with much.  One thread.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/check.h"
#include "engine/base/share.h"

namespace sluice::spool {

class Crowd {
 public:
  // From here on a share has much.
  static constexpr std::uint32_t kMuch = 4;

  // One more message of the share waits, or one less.
  void add(CustomerShare share) { count(share.number, 1); }
  void remove(CustomerShare share) { count(share.number, -1); }
  // Some share waits for one message, and another for kMuch or more.
  [[nodiscard]] bool uneven() const { return single_ > 0 && much_ > 0; }

 private:
  void count(ShareNumber share, int change) {
    std::uint32_t& waiting = waiting_[share];
    CHECK(change > 0 || waiting > 0);
    single_ -= waiting == 1 ? 1 : 0;
    much_ -= waiting >= kMuch ? 1 : 0;
    waiting += static_cast<std::uint32_t>(change);
    single_ += waiting == 1 ? 1 : 0;
    much_ += waiting >= kMuch ? 1 : 0;
  }

  std::array<std::uint32_t, 256> waiting_{};
  std::uint32_t single_ = 0;  // shares
  std::uint32_t much_ = 0;
};

}  // namespace sluice::spool
