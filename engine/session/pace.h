// Two bounds in time: the pace at which a client must send content, and the rate at which what it does wrong is logged.
// Values; their owner's thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/base/time.h"

namespace sluice::session {

// Whether content comes fast enough.  Each second of waiting for it is a debt that `bytes_per_s` pay back; what comes
// faster is no credit, so that a quick start buys nothing.  The time that we took ourselves is not counted: a slow next
// hop is not the client's fault.
class ContentPace {
 public:
  // `debt_max`: as long as the client may be silent, so that one pause alone is never too slow.
  ContentPace(std::uint64_t bytes_per_s, Duration debt_max) : bytes_per_s_(bytes_per_s), debt_max_(debt_max) {}

  // With each message.
  void restart() { debt_ = Duration::zero(); }
  // So many bytes came after so long a wait.  False: too slow.
  [[nodiscard]] bool add(Duration waited, std::uint64_t bytes) {
    if (bytes_per_s_ == 0) return true;
    const std::uint64_t most = static_cast<std::uint64_t>(debt_max_ / std::chrono::seconds(1) + 1) * bytes_per_s_;
    const auto paid = std::chrono::nanoseconds(std::chrono::seconds(1)) *
                      static_cast<Duration::rep>(std::min(bytes, most)) / static_cast<Duration::rep>(bytes_per_s_);
    debt_ = std::max(debt_ + waited - paid, Duration::zero());
    return debt_ <= debt_max_;
  }

 private:
  std::uint64_t bytes_per_s_;  // 0: any pace will do
  Duration debt_max_;
  Duration debt_{};
};

// Lines of one session about its refusals: kBurst at once, and one more each kEvery.
class RefusalLines {
 public:
  static constexpr std::uint32_t kBurst = 20;
  static constexpr Duration kEvery = std::chrono::seconds(1);

  // Whether the next one may be written.
  [[nodiscard]] bool ready(Instant now) const { return left(now) > 0; }
  // It was.
  void written(Instant now) {
    const std::uint32_t left_now = left(now);
    // What has not become a whole line yet is not lost.
    since_ = left_now == kBurst ? now : since_ + kEvery * (left_now - left_);
    left_ = left_now - 1;
  }

 private:
  [[nodiscard]] std::uint32_t left(Instant now) const {
    const auto more = static_cast<std::uint64_t>(std::max((now - since_) / kEvery, Duration::rep{0}));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(left_ + more, kBurst));
  }

  std::uint32_t left_ = kBurst;
  Instant since_{};  // when left_ held
};

}  // namespace sluice::session
