#include "engine/server/core_probe.h"

#include <algorithm>
#include <utility>

namespace sluice::server {

CoreProbe::CoreProbe(Post post, Look look, std::function<void()> step, io::Clock& clock)
    : post_(std::move(post)), look_(std::move(look)), step_(std::move(step)), clock_(clock) {}

bool CoreProbe::begin_beat() {
  const std::lock_guard lock(state_->mutex);
  if (state_->beaten) return false;
  state_->beaten = clock_.now();
  return true;
}

bool CoreProbe::begin_ask() {
  const std::lock_guard lock(state_->mutex);
  return !std::exchange(state_->asked, true);
}

void CoreProbe::beat() {
  const std::lock_guard lock(posting_);
  if (left_ || !begin_beat()) return;
  post_([state = state_, step = step_, &clock = clock_] {
    const Instant now = clock.now();
    step();
    const std::lock_guard answering(state->mutex);
    if (const auto beaten = std::exchange(state->beaten, std::nullopt))
      state->delays.observe(metrics::seconds_of(now - *beaten));
  });
}

void CoreProbe::ask() {
  const std::lock_guard lock(posting_);
  if (left_ || !begin_ask()) return;
  post_([state = state_, look = look_] {
    auto metrics = std::make_shared<const CoreMetrics>(look());
    const std::lock_guard answering(state->mutex);
    state->metrics = std::move(metrics);
    state->asked = false;
    state->answered.notify_all();
  });
}

std::shared_ptr<const CoreMetrics> CoreProbe::wait(Duration most) {
  std::unique_lock lock(state_->mutex);
  state_->answered.wait_for(lock, most, [this] { return !state_->asked; });
  return state_->metrics;
}

Duration CoreProbe::behind(Instant now) const {
  const std::lock_guard lock(state_->mutex);
  if (!state_->beaten) return Duration::zero();
  return std::max(now - *state_->beaten, Duration::zero());
}

metrics::Histogram CoreProbe::delays() const {
  const std::lock_guard lock(state_->mutex);
  return state_->delays;
}

void CoreProbe::leave() {
  const std::lock_guard lock(posting_);
  left_ = true;
  const std::lock_guard answering(state_->mutex);
  state_->beaten.reset();
  state_->asked = false;
}

}  // namespace sluice::server
