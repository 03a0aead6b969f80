// Recipients far above the account's own history, within 24 hours.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_recipients(const Observed& observed) {
  return times_ordinary(static_cast<float>(observed.day.hours.sum(&HourCounts::recipients)),
                        observed.state.history.ordinary_recipients(observed.ordinary));
}

std::string recipients_words(const Reason& reason) {
  return shown(reason.figure) + " recipients in a day; up to " + shown(reason.ordinary) +
         " are ordinary for this account";
}

}  // namespace sluice::noticing
