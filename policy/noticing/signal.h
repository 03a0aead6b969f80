// The signals: each measures one thing that stolen accounts do and others seldom, and says it in words.  Each is a file
// signal_NAME.cc, and a row in score.cc with its weight.  Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "policy/noticing/account_state.h"
#include "policy/noticing/class_policy.h"
#include "policy/noticing/verdict.h"

namespace sluice::noticing {

// What a signal looks at.  All counts of the state have been brought up to the hour of the judgement.
struct Observed {
  const AccountState& state;
  const ActiveDay& day;
  const OrdinaryDay& ordinary;  // the class's
  MostSentText texts;           // of that day
};

struct Measured {
  float figure = 0;
  float ordinary = 0;
  float of = 0;
  float excess = 0;  // over what is ordinary, in the signal's own unit; 0 or less: no points
};

// 0 while `figure` is ordinary, 1 at twice that, 2 at three times.
[[nodiscard]] Measured times_ordinary(float figure, float ordinary);
// How many more than is ordinary.
[[nodiscard]] Measured more_than_ordinary(float figure, float ordinary);
// Recipients of scattered texts, for an account of that class.
[[nodiscard]] float ordinary_scattered(const OrdinaryDay& ordinary);
// "312", for a reason.
[[nodiscard]] std::string shown(float figure);

[[nodiscard]] Measured measure_recipients(const Observed& observed);
[[nodiscard]] std::string recipients_words(const Reason& reason);
[[nodiscard]] Measured measure_first_time_recipients(const Observed& observed);
[[nodiscard]] std::string first_time_recipients_words(const Reason& reason);
[[nodiscard]] Measured measure_unknown_recipients(const Observed& observed);
[[nodiscard]] std::string unknown_recipients_words(const Reason& reason);
[[nodiscard]] Measured measure_networks(const Observed& observed);
[[nodiscard]] std::string networks_words(const Reason& reason);
[[nodiscard]] Measured measure_countries(const Observed& observed);
[[nodiscard]] std::string countries_words(const Reason& reason);
[[nodiscard]] Measured measure_same_text(const Observed& observed);
[[nodiscard]] std::string same_text_words(const Reason& reason);
[[nodiscard]] Measured measure_scattered_text(const Observed& observed);
[[nodiscard]] std::string scattered_text_words(const Reason& reason);
[[nodiscard]] Measured measure_no_list_unsubscribe(const Observed& observed);
[[nodiscard]] std::string no_list_unsubscribe_words(const Reason& reason);
[[nodiscard]] Measured measure_spam_replies(const Observed& observed);
[[nodiscard]] std::string spam_replies_words(const Reason& reason);
[[nodiscard]] Measured measure_failed_logins(const Observed& observed);
[[nodiscard]] std::string failed_logins_words(const Reason& reason);

}  // namespace sluice::noticing
