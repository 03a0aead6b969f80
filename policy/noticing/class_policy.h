// What is ordinary for a class of accounts, and at which score which step is taken.  Values; the defaults come from
// bench/noticing_trial.cc.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::noticing {

// Up to these a signal has no points, whatever the account did before.  An account's own history only adds to them.
struct OrdinaryDay {
  std::uint32_t recipients = 100;
  std::uint32_t first_time_recipients = 60;
  std::uint32_t networks = 9;
  std::uint32_t countries = 3;
  std::uint32_t same_text = 50;  // recipients of one text
  std::uint32_t bulk = 100;      // recipients of one text from which on List-Unsubscribe is expected
  std::uint32_t failed_logins = 10;
  float unknown_evidence = 1.5F;  // unknown_test.h
  // While its history is short, so many more first-time recipients for each one that is written to again in the day.
  float first_time_by_again = 0;
  // Whether both were set to the same figures, fractions too.
  friend bool operator==(const OrdinaryDay& a, const OrdinaryDay& b) {
    using Bits = std::array<std::uint32_t, 9>;
    return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
  }
};

// Scores.  One signal alone must not reach `hold`, but for unknown recipients, scattered texts and many times the
// ordinary day.
struct Thresholds {
  float tell = 7;
  float slow = 8;
  // Each strike lowers these two: the first by a third, the second to a half.
  float hold = 100;
  float suspend = 250;
  friend bool operator==(const Thresholds& a, const Thresholds& b) {
    using Bits = std::array<std::uint32_t, 4>;
    return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
  }
};

struct ClassPolicy {
  OrdinaryDay ordinary;
  Thresholds thresholds;
  Duration half_life = std::chrono::hours(6);    // of the score
  Duration turn = std::chrono::seconds(1);       // for each recipient, at step slow
  Duration wait_max = std::chrono::seconds(90);  // what a client waits for 354 (RFC 5321 4.5.3.2.4: 2 minutes)
  Duration hold_time = std::chrono::hours(24);   // until the timer lifts it; longer than a signal looks back
  Duration suspend_time = std::chrono::hours(72);
  std::uint32_t strikes_max = 3;                       // the strike that suspends
  Duration strike_time = std::chrono::hours(24 * 30);  // after which strikes are forgotten
  bool operator==(const ClassPolicy&) const = default;
};

// "home", "business", "device" or "list_server"; any other name is taken for "home".
[[nodiscard]] ClassPolicy built_in_policy(std::string_view class_name);

}  // namespace sluice::noticing
