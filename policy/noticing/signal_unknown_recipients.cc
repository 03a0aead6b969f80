// The share of recipients that next hops refuse as unknown, which is that of a bought list.  Silent behind a smart host
// that takes every address.
// Two tests are added: one of all mail (unknown_test.h), which a few dead addresses in a row may deceive, and one of
// the day's first-time recipients as a whole, which is the surer the more they are.  It is worth more where texts come
// from several networks (signal_scattered_text.cc).
#include <algorithm>

#include "policy/noticing/signal.h"

namespace sluice::noticing {
namespace {

// First-time recipients from which on the day's test counts in full; it grows with their cube.
constexpr float kFullDay = 200;
constexpr float kTimesMore = 2;
constexpr float kTimesLess = 0.5F;
constexpr float kMostMore = 6;
// Of what is ordinary of scattered texts; from there on evidence counts more, by the square.
constexpr float kScattered = 0.45F;
// Of those that were written to before: lists grow old.
constexpr float kUnknownShareOfKnown = 0.04F;

float evidence_of_day(const RecentHours& hours, std::uint32_t unknown_of_day) {
  const std::uint32_t answered = hours.sum(&HourCounts::answered);
  const auto first_time = static_cast<float>(std::min(answered, hours.sum(&HourCounts::first_time)));
  const float of_known = kUnknownShareOfKnown * (static_cast<float>(answered) - first_time);
  const float unknown = std::clamp(static_cast<float>(unknown_of_day) - of_known, 0.0F, first_time);
  const float evidence = UnknownTest::evidence_of(unknown, first_time - unknown);
  const float fullness = std::min(1.0F, first_time / kFullDay);
  return std::min(kMostMore, evidence * (evidence > 0 ? kTimesMore : kTimesLess) * fullness * fullness * fullness);
}

}  // namespace

Measured measure_unknown_recipients(const Observed& observed) {
  const UnknownTest& test = observed.state.unknown;
  const std::uint32_t unknown_of_day = observed.day.hours.sum(&HourCounts::unknown);
  if (unknown_of_day == 0 && test.evidence() <= observed.ordinary.unknown_evidence) return {};
  const float evidence = test.evidence() + evidence_of_day(observed.day.hours, unknown_of_day);
  const float scattered = observed.texts.scattered / (kScattered * ordinary_scattered(observed.ordinary));
  return {.figure = test.unknown_count(),
          .ordinary = UnknownTest::ordinary_share() * test.answered_count(),
          .of = test.answered_count(),
          .excess = (evidence - observed.ordinary.unknown_evidence) * std::max(1.0F, scattered * scattered)};
}

std::string unknown_recipients_words(const Reason& reason) {
  return "next hops refused " + shown(reason.figure) + " of " + shown(reason.of) + " recipients as unknown; up to " +
         shown(reason.ordinary) + " are ordinary";
}

}  // namespace sluice::noticing
