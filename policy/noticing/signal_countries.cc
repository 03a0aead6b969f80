// Distinct countries of client networks within 24 hours; silent where no database of countries is there.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_countries(const Observed& observed) {
  return more_than_ordinary(static_cast<float>(observed.day.networks.countries()),
                            static_cast<float>(observed.ordinary.countries));
}

std::string countries_words(const Reason& reason) {
  return "mail from " + shown(reason.figure) + " countries in a day; up to " + shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
