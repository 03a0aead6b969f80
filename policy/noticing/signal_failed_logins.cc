// Failed logins at the account in the day before: a password was guessed, perhaps at last.  Its points are few: a
// telephone with an old password fails for weeks.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_failed_logins(const Observed& observed) {
  return times_ordinary(static_cast<float>(observed.day.failed_logins),
                        static_cast<float>(observed.ordinary.failed_logins));
}

std::string failed_logins_words(const Reason& reason) {
  return shown(reason.figure) + " failed logins in the day before; up to " + shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
