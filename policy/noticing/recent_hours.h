// What was counted in each of the last 24 hours: what is an hour too old goes.  An hour takes 12 bytes once something
// is counted in it.  Values; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/noticing/compact_vector.h"

namespace sluice::noticing {

inline constexpr std::uint32_t kHoursOfDay = 24;
// The version of files from which on they have the unknown recipients of each hour.
inline constexpr std::uint8_t kUnknownOfHourSince = 2;

// The low 16 bits of its number (account_state.h), and what there was in it: no more than fits.
struct HourCounts {
  std::uint16_t hour = 0;
  std::uint16_t recipients = 0;
  std::uint16_t first_time = 0;
  std::uint16_t answered = 0;  // recipients that next hops took or refused
  std::uint16_t spam_replies = 0;
  std::uint16_t unknown = 0;  // recipients that next hops refused as unknown, each once
  void visit(this auto& self, auto& fields) {
    fields(self.hour, self.recipients, self.first_time, self.answered, self.spam_replies);
    if constexpr (kReading<decltype(fields)>) {
      if (fields.version() < kUnknownOfHourSince) return;
    }
    fields(self.unknown);
  }
};

class RecentHours {
 public:
  using Count = std::uint16_t HourCounts::*;

  // `hour` never goes back.
  void add(std::uint32_t hour, Count count, std::uint32_t amount);
  [[nodiscard]] std::uint32_t sum(Count count) const;
  // What is a day old at `hour`.
  void forget(std::uint32_t hour);
  // The clock that hours are of was set by so many.
  void set_clock(std::int64_t hours);
  void visit(this auto& self, auto& fields) { fields(self.hours_); }
  // Whether what a file had of it can be: `hour` was the last one.
  [[nodiscard]] bool is_sound(std::uint32_t hour) const;
  // For tests: what it takes beside itself.
  [[nodiscard]] std::size_t bytes() const { return hours_.bytes(); }

 private:
  CompactVector<HourCounts, kHoursOfDay> hours_;  // the oldest first
};

}  // namespace sluice::noticing
