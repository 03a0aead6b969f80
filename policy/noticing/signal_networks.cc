// Distinct client networks within 24 hours: stolen passwords are used from many hosts at once.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_networks(const Observed& observed) {
  return more_than_ordinary(static_cast<float>(observed.day.networks.networks()),
                            observed.state.history.ordinary_networks(observed.ordinary));
}

std::string networks_words(const Reason& reason) {
  return "mail from " + shown(reason.figure) + " networks in a day; up to " + shown(reason.ordinary) +
         " are ordinary for this account";
}

}  // namespace sluice::noticing
