// What an ordinary day of an account is like, learned from the days on which it sent mail and was not held.
// Values; one thread at a time.
#pragma once

#include <cstdint>

#include "policy/noticing/class_policy.h"
#include "policy/noticing/fields.h"

namespace sluice::noticing {

// Of one day.
struct DayTotals {
  std::uint32_t recipients = 0;
  std::uint32_t first_time_recipients = 0;
  std::uint32_t networks = 0;
};

class History {
 public:
  // Each day weighs an eighth (the first ones as many as there are); no day counts more than twice what was ordinary.
  // First-time recipients are learned from the ninth day on: before, all that the account writes to are new to us.
  void learn(const DayTotals& day, const OrdinaryDay& floor);

  // Means.
  [[nodiscard]] float recipients() const { return static_cast<float>(recipients_) / kUnits; }
  [[nodiscard]] float first_time_recipients() const { return static_cast<float>(first_time_) / kUnits; }
  [[nodiscard]] float networks() const { return static_cast<float>(networks_) / kUnits; }

  // Up to which a day is ordinary: at least the class's floor; three times the mean of all recipients or a fifth more
  // than the largest day; twice the mean of first-time recipients; twice that of networks, but at most 1.75 times the
  // floor.  Until first-time recipients are learned, the floor and what the class adds for those that were written to
  // `again` in the day.
  [[nodiscard]] float ordinary_recipients(const OrdinaryDay& floor) const;
  [[nodiscard]] float ordinary_first_time(const OrdinaryDay& floor, std::uint32_t again) const;
  [[nodiscard]] float ordinary_networks(const OrdinaryDay& floor) const;

  void visit(this auto& self, auto& fields) {
    fields(self.recipients_, self.first_time_, self.largest_, self.networks_, self.days_);
    if constexpr (kReading<decltype(fields)>) fields.require(self.days_ <= kDaysOfMean);
  }

 private:
  static constexpr std::uint8_t kDaysOfMean = 8;
  static constexpr float kUnits = 8;  // of fractions

  std::uint16_t recipients_ = 0;
  std::uint16_t first_time_ = 0;
  std::uint16_t largest_ = 0;  // recipients; wanes by 1 % an active day
  std::uint8_t networks_ = 0;
  std::uint8_t days_ = 0;
};

}  // namespace sluice::noticing
