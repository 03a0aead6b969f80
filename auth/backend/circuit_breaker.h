// Keeps a back end that gives no answers from being asked for a while: closed while it answers, open once it has
// failed some times in a row, half open when one login may try it again.  Pure; one a core and back end.
#pragma once

#include <cstdint>

#include "engine/base/time.h"

namespace sluice::auth {

struct CircuitBreakerOptions {
  std::uint32_t failures = 5;                    // in a row, until it opens
  Duration open_for = std::chrono::seconds(10);  // at first; twice as long after each trial that fails
  Duration open_for_max = std::chrono::minutes(2);
};

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  explicit CircuitBreaker(const CircuitBreakerOptions& options) : options_(options), open_for_(options.open_for) {}

  // Whether to ask.  Where it says so in the half-open state, that is for one: answered() or failed() must follow.
  [[nodiscard]] bool admits(Instant now);
  // True: it was open, and is closed now.
  bool answered();
  // True: it has opened now.
  bool failed(Instant now);

  [[nodiscard]] State state() const { return state_; }

 private:
  CircuitBreakerOptions options_;
  State state_ = State::closed;
  std::uint32_t failures_ = 0;
  Instant opened_until_{};
  Duration open_for_;
};

}  // namespace sluice::auth
