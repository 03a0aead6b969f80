// Whether the recipients that next hops refuse as unknown are as many as bought lists have (some 15 %) rather than as
// ordinary senders do (some 3 %): Page's cumulative sum of log likelihoods (Page, Biometrika 1954), which is not let
// below zero, so that it makes no difference how fast the account sends, nor how much it sent before.  It wanes by half
// in two weeks, and so do the counts that the reason shows.  Values; one thread at a time.
#pragma once

#include <cstdint>

#include "policy/noticing/fields.h"

namespace sluice::noticing {

class UnknownTest {
 public:
  // Hours of the noticer's clock.
  void accepted(std::uint32_t hour);
  void unknown(std::uint32_t hour);
  void reset();

  // How many times more likely a bought list is, as a natural logarithm; at least 0.
  [[nodiscard]] float evidence() const { return evidence_; }
  // Of so many together, from none before: less than 0 where they are ordinary.
  [[nodiscard]] static float evidence_of(float unknown, float accepted);
  [[nodiscard]] static float ordinary_share();
  [[nodiscard]] float unknown_count() const { return unknown_; }
  [[nodiscard]] float answered_count() const { return answered_; }

  // The clock that hours are of was set by so many, and it is `now`.
  void set_clock(std::int64_t hours, std::uint32_t now);
  void visit(this auto& self, auto& fields) {
    fields(self.evidence_, self.unknown_, self.answered_, self.hour_);
    if constexpr (kReading<decltype(fields)>)
      fields.require(is_count(self.evidence_) && is_count(self.unknown_) && is_count(self.answered_));
  }

 private:
  // No infinity, nor what is no number.
  static bool is_count(float value) { return value >= 0 && value <= kMost; }
  void wane(std::uint32_t hour);

  static constexpr float kMost = 1e9F;

  float evidence_ = 0;
  float unknown_ = 0;
  float answered_ = 0;
  std::uint32_t hour_ = 0;
};

}  // namespace sluice::noticing
