#include "engine/schedule/throttle.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::schedule {
namespace {

constexpr Duration kBurst = std::chrono::milliseconds(100);  // well above the tick of a core's timers

Duration configured_interval(const ThrottleOptions& options) {
  if (options.messages_per_second <= 0) return Duration::zero();
  constexpr double kDay = 86400;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::min(1 / options.messages_per_second, kDay)));
}

// suspend_first * 2^(nth - 1), at most suspend_max, less up to a quarter by chance.
Duration suspension(const ThrottleOptions& options, unsigned nth, std::uint64_t random) {
  Duration wait = std::min(options.suspend_first, options.suspend_max);
  for (unsigned i = 1; i < nth && wait < options.suspend_max; ++i)
    wait = wait > options.suspend_max / 2 ? options.suspend_max : wait * 2;
  return wait - wait / 4 / 65536 * static_cast<std::int64_t>(random >> 48);
}

}  // namespace

std::uint32_t Throttle::room(Instant now) const {
  if (not_before() > now) return 0;
  if (suspended_) return probing_ ? 0 : 1;
  return running_ < window_ ? window_ - running_ : 0;
}

Instant Throttle::room_at() const {
  const bool full = suspended_ ? probing_ : running_ >= window_;
  return full ? Instant::max() : not_before();
}

Duration Throttle::interval(const ThrottleOptions& options) const {
  return std::max(configured_interval(options), pause_);
}

bool Throttle::start(const ThrottleOptions& options, Instant now) {
  CHECK(room(now) > 0);
  ++running_;
  if (const Duration each = interval(options); each > Duration::zero()) {
    // A token bucket by the time at which it has its next token; full: kBurst without a start.
    const Duration saved = pause_ > Duration::zero() ? Duration::zero() : std::max(kBurst - each, Duration::zero());
    next_start_ = std::max(next_start_, now - saved) + each;
  }
  if (suspended_) probing_ = true;
  return suspended_;
}

Throttle::Change Throttle::finish(const ThrottleOptions& options, Verdict verdict, bool probe, Instant now,
                                  std::uint64_t random) {
  CHECK(running_ > 0);
  const bool made_use = running_ * 2 >= window_;
  --running_;
  if (probe) probing_ = false;
  window_ = std::min(window_, options.concurrency_max);  // which may have changed
  const bool before_shrinking = under_way_ > 0;
  if (before_shrinking) --under_way_;
  if (verdict == Verdict::not_tried) return Change::none;
  if (verdict == Verdict::unreachable) return fail(options, probe, now, random);
  unreachable_ = 0;
  const Change change = suspended_ ? resume(options) : Change::none;
  if (verdict == Verdict::deferred && !before_shrinking) shrink(options, now);
  if (verdict == Verdict::delivered && change == Change::none && made_use && !before_shrinking) grow(options);
  return change;
}

// It goes by what finish() goes by, but for growth: that needs a filled window.  Many may say the same at
// one time, as nothing holds them back.
Throttle::Change Throttle::observe(const ThrottleOptions& options, Verdict verdict, Instant now, std::uint64_t random) {
  if (verdict == Verdict::not_tried) return Change::none;
  if (verdict == Verdict::unreachable) return fail(options, /*probe=*/false, now, random);
  unreachable_ = 0;
  const Change change = suspended_ ? resume(options) : Change::none;
  if (verdict == Verdict::deferred && under_way_ == 0 && std::max(next_start_, observe_after_) <= now) {
    shrink(options, now);
    observe_after_ = now + options.pause_first;
  }
  return change;
}

void Throttle::grow(const ThrottleOptions& options) {
  if (pause_ > Duration::zero()) {
    pause_ = pause_ / 2 < options.pause_first ? Duration::zero() : pause_ / 2;
    return;
  }
  if (window_ >= options.concurrency_max) return;
  if (window_ < threshold_ || ++credit_ >= window_) {
    ++window_;
    credit_ = 0;
  }
}

void Throttle::shrink(const ThrottleOptions& options, Instant now) {
  under_way_ = running_;
  credit_ = 0;
  if (window_ > 1) {
    window_ /= 2;
    threshold_ = window_;
    return;
  }
  pause_ = std::clamp(pause_ * 2, options.pause_first, options.pause_max);
  next_start_ = std::max(next_start_, later(now, interval(options)));
}

// A failure of what was under way when the destination was suspended says nothing new.
Throttle::Change Throttle::fail(const ThrottleOptions& options, bool probe, Instant now, std::uint64_t random) {
  if (suspended_ && !probe) return Change::none;
  if (!suspended_ && ++unreachable_ < options.unreachable_max) return Change::none;
  if (!suspended_) threshold_ = std::max<std::uint16_t>(window_ / 2, 1);
  suspended_ = true;
  suspensions_ = std::min<std::uint8_t>(suspensions_, 254) + 1;
  suspended_until_ = later(now, suspension(options, suspensions_, random));
  return Change::suspended;
}

Throttle::Change Throttle::resume(const ThrottleOptions& options) {
  suspended_ = false;
  suspensions_ = 0;
  window_ = options.concurrency_start;
  credit_ = 0;
  return Change::resumed;
}

void Throttle::reset_backoff(Instant now) {
  pause_ = Duration::zero();
  next_start_ = std::min(next_start_, now);
  suspended_until_ = std::min(suspended_until_, now);
}

}  // namespace sluice::schedule
