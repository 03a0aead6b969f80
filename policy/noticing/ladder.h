// An account's place on the ladder: its score, which halves with time, strikes, and the timer that lifts a step.
// Values; one thread at a time.
#pragma once

#include <cstdint>

#include "policy/noticing/class_policy.h"
#include "policy/noticing/fields.h"
#include "policy/noticing/verdict.h"

namespace sluice::noticing {

// Of the noticer's clock (account_state.h).
using Minute = std::uint32_t;

class Ladder {
 public:
  // The points of all signals at present.  The score is that, or what is left of a higher one before.  True: the step
  // is higher now.
  bool raise(float points, Minute now, const ClassPolicy& policy);

  // Whether the timer of hold or suspend is over by now; then lift() follows.
  [[nodiscard]] bool is_over(Minute now) const { return step_ >= Step::hold && now >= until_; }
  // Starts anew, with the strikes.
  void lift();

  [[nodiscard]] Step step() const { return step_; }
  [[nodiscard]] float score() const { return score_; }
  [[nodiscard]] std::uint8_t strikes() const { return strikes_; }
  // When the timer of hold or suspend is over.
  [[nodiscard]] Minute until() const { return until_; }
  // When it was raised last, or looked at.
  [[nodiscard]] Minute scored() const { return scored_; }

  // The clock was set by so many minutes, and it is `now`: nothing lasts longer from here on than the policy says.
  void set_clock(std::int64_t minutes, Minute now, const ClassPolicy& policy);
  void visit(this auto& self, auto& fields) {
    fields(self.score_, self.scored_, self.until_, self.struck_, self.strikes_, self.step_);
    if constexpr (kReading<decltype(fields)>)
      fields.require(self.score_ >= 0 && self.score_ <= kScoreMax && self.step_ <= Step::suspend);
  }

 private:
  static constexpr float kScoreMax = 1e9F;  // more than all signals' points

  void strike(Step wanted, Minute now, const ClassPolicy& policy);

  float score_ = 0;
  Minute scored_ = 0;
  Minute until_ = 0;
  std::uint16_t struck_ = 0;  // the hour of the last strike, its low 16 bits
  std::uint8_t strikes_ = 0;
  Step step_ = Step::pass;
};

}  // namespace sluice::noticing
