// Bulk without the field List-Unsubscribe (RFC 2369), which programs for newsletters put in.
#include "policy/noticing/signal.h"

namespace sluice::noticing {

Measured measure_no_list_unsubscribe(const Observed& observed) {
  return times_ordinary(static_cast<float>(observed.texts.without_unsubscribe),
                        static_cast<float>(observed.ordinary.bulk));
}

std::string no_list_unsubscribe_words(const Reason& reason) {
  return "one text to " + shown(reason.figure) + " recipients without List-Unsubscribe; it is expected for more than " +
         shown(reason.ordinary);
}

}  // namespace sluice::noticing
