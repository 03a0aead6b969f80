// What is remembered of one account: 64 bytes for all, with the recipients that it knows beside them, and what its last
// day was like while it sends.  Values; one thread at a time.
// Time in here is minutes and hours of the noticer's clock, which never goes back and which its owner chooses: Minute
// goes on for 8,000 years, the low 16 bits of an hour for seven, within which every entry is swept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/time.h"
#include "policy/noticing/fields.h"
#include "policy/noticing/history.h"
#include "policy/noticing/known_recipients.h"
#include "policy/noticing/ladder.h"
#include "policy/noticing/recent_hours.h"
#include "policy/noticing/recent_networks.h"
#include "policy/noticing/recent_texts.h"
#include "policy/noticing/recent_unknown.h"
#include "policy/noticing/unknown_test.h"

namespace sluice::noticing {

// Of the last 24 hours; freed when they were without mail.  What it has of each hour, network, text and unknown
// recipient is beside it, as much as there was.
struct ActiveDay {
  std::uint32_t hour = 0;            // up to which all counts have been brought
  std::uint32_t day_recipients = 0;  // since the day began, for the history
  std::uint32_t day_first_time = 0;
  std::uint32_t failed_logins = 0;
  std::uint32_t failed_logins_hour = 0;
  Instant next_turn;
  RecentHours hours;
  RecentNetworks networks;
  RecentTexts texts;
  RecentUnknown unknown;
  std::uint32_t day_networks = 0;  // the most at once
  bool day_held = false;           // a day like that is nothing to learn from

  // For tests: with what is beside it.
  [[nodiscard]] std::size_t bytes() const {
    return sizeof(ActiveDay) + hours.bytes() + networks.bytes() + texts.bytes() + unknown.bytes();
  }
  void visit(this auto& self, auto& fields) {
    fields(self.hour, self.day_recipients, self.day_first_time, self.failed_logins, self.failed_logins_hour);
    fields(self.hours, self.networks, self.texts, self.unknown, self.day_networks, self.day_held);
    if constexpr (kReading<decltype(fields)>) {
      if (fields.version() < kScatteredSince) self.texts.forget(self.hour);  // which kept all
      fields.require(self.hours.is_sound(self.hour) && self.texts.is_sound(self.hour));
    }
  }
};

struct AccountState {
  std::unique_ptr<ActiveDay> day;
  KnownRecipients known;
  UnknownTest unknown;
  Ladder ladder;
  History history;

  // What a file has of it: all but the turn that the next message takes.
  void visit(this auto& self, auto& fields) {
    bool active = self.day != nullptr;
    fields(self.known, self.unknown, self.ladder, self.history, active);
    if constexpr (kReading<decltype(fields)>) self.day = active ? std::make_unique<ActiveDay>() : nullptr;
    if (active) fields(*self.day);
  }
};

inline constexpr std::size_t kIdleBytesMax = 64;
inline constexpr std::size_t kActiveBytesMax = 2048;
static_assert(sizeof(AccountState) <= kIdleBytesMax);

}  // namespace sluice::noticing
