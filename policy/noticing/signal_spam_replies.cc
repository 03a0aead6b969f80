// Next hops that refuse the account's mail as spam.  Its points are few: where the relay's own address is listed, all
// accounts have such replies.
#include "policy/noticing/signal.h"

namespace sluice::noticing {
namespace {

// One provider that is strict refuses now and then what is no spam.
constexpr float kOrdinaryReplies = 3;
constexpr float kOrdinaryShare = 0.1F;

}  // namespace

Measured measure_spam_replies(const Observed& observed) {
  const auto answered = static_cast<float>(observed.day.hours.sum(&HourCounts::answered));
  Measured measured = more_than_ordinary(static_cast<float>(observed.day.hours.sum(&HourCounts::spam_replies)),
                                         kOrdinaryReplies + kOrdinaryShare * answered);
  measured.of = answered;
  return measured;
}

std::string spam_replies_words(const Reason& reason) {
  return "next hops refused " + shown(reason.figure) + " of " + shown(reason.of) + " recipients with words such as " +
         "spam or reputation; up to " + shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
