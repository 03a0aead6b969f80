// One text to many recipients, whatever words in it vary.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_same_text(const Observed& observed) {
  const OrdinaryDay& ordinary = observed.ordinary;
  return times_ordinary(static_cast<float>(observed.texts.recipients), static_cast<float>(ordinary.same_text));
}

std::string same_text_words(const Reason& reason) {
  return "one text to " + shown(reason.figure) + " recipients; up to " + shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
