// Stolen accounts: a simulated spammer takes over an ordinary account after some days, and sends to a bought list until
// the noticer holds its mail; and goes on trying.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tests/support/noticing_population.h"

namespace sluice::noticing {

struct ThiefHabits {
  std::string_view name;
  std::uint32_t recipients = 1;  // of a message
  std::uint32_t pause_s = 60;    // of each session, between its messages
  std::uint32_t sessions = 1;    // at once
  std::uint32_t networks = 0;    // that the messages come from in turn; 0: each from another
  double varied = 0.4;           // share of words that vary between copies
  bool list_unsubscribe = false;
  std::uint32_t failed_logins = 0;
};

// As spammers send.
std::span<const ThiefHabits> thieves();

struct Containment {
  bool contained = false;
  std::uint32_t recipients = 0;  // that went out before the first message was held
  std::uint32_t in_a_week = 0;   // went out in a week without an operator: the timer lifts, strikes add up
  double hours = 0;              // until then
  std::string reasons;
};

// `countries`: whether there is a database of them.  `owner_days`: of ordinary use before.
Containment run_thief(const ThiefHabits& habits, Kind owner, Route route, bool countries, std::uint32_t owner_days,
                      std::uint64_t seed);

}  // namespace sluice::noticing
