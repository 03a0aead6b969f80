// Recipients to whom the account never wrote before, within 24 hours: a bought list is strangers only.
#include <algorithm>

#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_first_time_recipients(const Observed& observed) {
  const std::uint32_t first_time = observed.day.hours.sum(&HourCounts::first_time);
  if (first_time <= observed.ordinary.first_time_recipients) return {};  // of which the account's own is no less
  const std::uint32_t all = observed.day.hours.sum(&HourCounts::recipients);
  return times_ordinary(static_cast<float>(first_time),
                        observed.state.history.ordinary_first_time(observed.ordinary, all - std::min(all, first_time)));
}

std::string first_time_recipients_words(const Reason& reason) {
  return shown(reason.figure) + " first-time recipients in a day; up to " + shown(reason.ordinary) +
         " are ordinary for this account";
}

}  // namespace sluice::noticing
