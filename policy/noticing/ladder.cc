#include "policy/noticing/ladder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace sluice::noticing {
namespace {

Minute minutes(Duration span) {
  return static_cast<Minute>(std::chrono::duration_cast<std::chrono::minutes>(span).count());
}

std::uint16_t hour_of(Minute minute) { return static_cast<std::uint16_t>(minute / 60); }

Step step_of(float score, std::uint8_t strikes, const Thresholds& thresholds) {
  const float with_strikes = score * (1 + static_cast<float>(strikes) / 2);
  if (with_strikes >= thresholds.suspend) return Step::suspend;
  if (with_strikes >= thresholds.hold) return Step::hold;
  if (score >= thresholds.slow) return Step::slow;
  return score >= thresholds.tell ? Step::tell : Step::pass;
}

}  // namespace

bool Ladder::raise(float points, Minute now, const ClassPolicy& policy) {
  if (now > scored_) {
    if (score_ > 0)
      score_ *=
          std::exp2(-static_cast<float>(now - scored_) / static_cast<float>(std::max(1U, minutes(policy.half_life))));
    scored_ = now;
  }
  score_ = std::max(score_, points);
  const Step before = step_;
  // With a sign: where the clock was set, or another core is ahead, a strike may be of an hour that is yet to come.
  const auto hours_since = static_cast<std::int16_t>(hour_of(now) - struck_);
  if (strikes_ > 0 && hours_since * std::int64_t{60} >= minutes(policy.strike_time)) strikes_ = 0;
  const Step wanted = step_of(score_, strikes_, policy.thresholds);
  if (wanted >= Step::hold && wanted > before) {
    strike(wanted, now, policy);
  } else if (before < Step::hold) {
    step_ = wanted;
  }
  return step_ > before;
}

void Ladder::strike(Step wanted, Minute now, const ClassPolicy& policy) {
  // From hold to suspend it is the same strike.
  if (step_ < Step::hold && strikes_ < std::numeric_limits<std::uint8_t>::max()) ++strikes_;
  struck_ = hour_of(now);
  step_ = strikes_ >= policy.strikes_max ? Step::suspend : wanted;
  until_ = now + minutes(step_ == Step::suspend ? policy.suspend_time : policy.hold_time);
}

void Ladder::set_clock(std::int64_t by, Minute now, const ClassPolicy& policy) {
  const auto moved = [by](Minute minute, std::int64_t most) {
    return static_cast<Minute>(std::clamp<std::int64_t>(minute + by, 0, most));
  };
  scored_ = moved(scored_, now);
  until_ = moved(until_, std::int64_t{now} + minutes(std::max(policy.hold_time, policy.suspend_time)));
  struck_ = static_cast<std::uint16_t>(struck_ + by / 60);
}

void Ladder::lift() {
  score_ = 0;
  step_ = Step::pass;
}

}  // namespace sluice::noticing
