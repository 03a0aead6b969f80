// The share of recipients that next hops refuse as unknown, which is that of a bought list.  Silent behind a smart host
// that takes every address.
#include "policy/noticing/signal.h"

namespace sluice::noticing {
Measured measure_unknown_recipients(const Observed& observed) {
  const UnknownTest& test = observed.state.unknown;
  return {.figure = test.unknown_count(),
          .ordinary = UnknownTest::ordinary_share() * test.answered_count(),
          .of = test.answered_count(),
          .excess = test.evidence() - observed.ordinary.unknown_evidence};
}

std::string unknown_recipients_words(const Reason& reason) {
  return "next hops refused " + shown(reason.figure) + " of " + shown(reason.of) + " recipients as unknown; up to " +
         shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
