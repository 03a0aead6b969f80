// How long a message waits before it is tried again: a configured curve, spread by chance so that messages that
// failed together do not come back together.  When to give a message up is the caller's business; the curve only
// sees to it that the last try falls just before that.
// Pure: chance is given in each call.  Immutable; any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/time.h"

namespace sluice::schedule {

// RFC 5321 section 4.5.4.1: "the give-up time generally needs to be at least 4-5 days".
inline constexpr Duration kGiveUpAfter = std::chrono::days(4);

// How long before it is given up after `expire` a message is tried for the last time.
[[nodiscard]] constexpr Duration last_try_before(Duration expire) {
  return std::min<Duration>(std::chrono::minutes(1), expire / 10);
}

class RetryCurve {
 public:
  // RFC 5321 section 4.5.4.1 asks for 30 minutes at least between tries, and for "more sophisticated and variable
  // strategies" where they help: most refusals with 4xx are gone after minutes, so the first waits are shorter.
  RetryCurve();
  // `steps`: the waits after the first, second, ... try, each above zero, at least one; the last one repeats.
  // `jitter_percent`: a wait is made longer or shorter by up to so much, at most 90.
  RetryCurve(std::vector<Duration> steps, unsigned jitter_percent);

  // After so many tries, at least one.  `random`: any 64 bits drawn evenly.
  [[nodiscard]] Duration wait(std::uint32_t tries, std::uint64_t random) const;

  // Likewise where the last try is due in `left`: a wait that would end later ends then.  nullopt: the last one was.
  [[nodiscard]] std::optional<Duration> wait_within(Duration left, std::uint32_t tries, std::uint64_t random) const;

 private:
  std::vector<Duration> steps_;
  unsigned jitter_percent_;
};

}  // namespace sluice::schedule
