#include "policy/noticing/score.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "engine/base/check.h"

namespace sluice::noticing {
namespace {

// At 100 points an account is held (class_policy.h).  bench/noticing_trial.cc shows what the weights do.
// First-time recipients weigh most where nothing is known of dead addresses, and more than in proportion: 300 are a
// club's first newsletter, 500 are a bought list.  Scattered texts weigh as a threshold does: an office comes to 1.1
// times what is ordinary at most, at 1.33 times an account is held.
constexpr std::array<SignalRow, kSignals> kRows = {{
    {Signal::recipients, "recipients", measure_recipients, recipients_words, 6, 0, 60},
    {Signal::first_time_recipients, "first_time_recipients", measure_first_time_recipients, first_time_recipients_words,
     5, 1.2F, 120},
    {Signal::unknown_recipients, "unknown_recipients", measure_unknown_recipients, unknown_recipients_words, 6, 0.5F,
     300},
    {Signal::networks, "networks", measure_networks, networks_words, 5, 0, 150},
    {Signal::countries, "countries", measure_countries, countries_words, 12, 0, 60},
    {Signal::same_text, "same_text", measure_same_text, same_text_words, 1.5F, 0, 20},
    {Signal::scattered_text, "scattered_text", measure_scattered_text, scattered_text_words, 300, 0, 120},
    {Signal::no_list_unsubscribe, "no_list_unsubscribe", measure_no_list_unsubscribe, no_list_unsubscribe_words, 1.5F,
     0, 10},
    {Signal::spam_replies, "spam_replies", measure_spam_replies, spam_replies_words, 5, 0, 6},
    {Signal::failed_logins, "failed_logins", measure_failed_logins, failed_logins_words, 3, 0, 6},
}};

consteval bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].signal) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const SignalRow& signal_row(Signal signal) {
  const auto place = static_cast<std::size_t>(signal);
  CHECK(place < kRows.size());
  return kRows[place];
}

float measure_all(const Observed& observed, Verdict& verdict) {
  float all = 0;
  verdict.reasons_size = 0;
  for (const SignalRow& row : kRows) {
    const Measured measured = row.measure(observed);
    if (measured.excess <= 0) continue;
    const float points = std::min(row.points_max, (row.weight + row.squared * measured.excess) * measured.excess);
    all += points;
    verdict.reasons_found[verdict.reasons_size++] = {.signal = row.signal,
                                                     .figure = measured.figure,
                                                     .ordinary = measured.ordinary,
                                                     .of = measured.of,
                                                     .points = points};
  }
  std::ranges::sort(std::span(verdict.reasons_found).first(verdict.reasons_size), std::ranges::greater{},
                    &Reason::points);
  return all;
}

}  // namespace sluice::noticing
