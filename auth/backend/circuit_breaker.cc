#include "auth/backend/circuit_breaker.h"

#include <algorithm>

namespace sluice::auth {

bool CircuitBreaker::admits(Instant now) {
  if (state_ == State::closed) return true;
  if (state_ == State::half_open || now < opened_until_) return false;
  state_ = State::half_open;
  return true;
}

bool CircuitBreaker::answered() {
  const bool was_open = state_ != State::closed;
  state_ = State::closed;
  failures_ = 0;
  open_for_ = options_.open_for;
  return was_open;
}

bool CircuitBreaker::failed(Instant now) {
  ++failures_;
  if (state_ == State::closed && failures_ < options_.failures) return false;
  // Checks that were under way when it opened change nothing.
  if (state_ == State::open) return false;
  const bool fresh = state_ == State::closed;
  if (!fresh) open_for_ = std::min(2 * open_for_, options_.open_for_max);
  state_ = State::open;
  opened_until_ = now + open_for_;
  return fresh;
}

}  // namespace sluice::auth
