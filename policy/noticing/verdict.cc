#include "policy/noticing/verdict.h"

#include "policy/noticing/score.h"

namespace sluice::noticing {

std::string_view step_name(Step step) {
  switch (step) {
    case Step::pass:
      return "pass";
    case Step::tell:
      return "tell";
    case Step::slow:
      return "slow";
    case Step::hold:
      return "hold";
    case Step::suspend:
      return "suspend";
  }
  return "?";
}

std::string reason_text(const Reason& reason) { return signal_row(reason.signal).words(reason); }

}  // namespace sluice::noticing
