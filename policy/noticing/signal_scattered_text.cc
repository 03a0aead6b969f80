// The same texts over weeks, from several networks, to recipients to whom the account never wrote: a stolen account
// that sends slowly, day and night.  A shop that confirms orders writes to strangers all day, too, but from its own
// server; an office sends its disclaimer from several networks, but to many of its recipients again.  So this may hold
// by itself.
#include "policy/noticing/signal.h"

namespace sluice::noticing {
namespace {

constexpr float kOrdinaryDays = 1.25F;

}  // namespace

float ordinary_scattered(const OrdinaryDay& ordinary) {
  return kOrdinaryDays * static_cast<float>(ordinary.first_time_recipients);
}

Measured measure_scattered_text(const Observed& observed) {
  return times_ordinary(observed.texts.scattered, ordinary_scattered(observed.ordinary));
}

std::string scattered_text_words(const Reason& reason) {
  return "the same texts from several networks to " + shown(reason.figure) +
         " first-time recipients in weeks, but for those of the network with most; up to " + shown(reason.ordinary) +
         " are ordinary";
}

}  // namespace sluice::noticing
