// What the noticer answers: a step of the ladder, and the figures that led to it, for `explain`.  Values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::noticing {

// The ladder, from harmless to worst.  Each step includes those below it.
enum class Step : std::uint8_t {
  pass,
  tell,     // the operator is told
  slow,     // Noticer::wait() says how long each message waits for its turn
  hold,     // messages are kept for review
  suspend,  // the account may not send
};
// For log and events: "hold".
[[nodiscard]] std::string_view step_name(Step step);

// Each is a file signal_NAME.cc and a row in score.cc.
enum class Signal : std::uint8_t {
  recipients,
  first_time_recipients,
  unknown_recipients,
  networks,
  countries,
  same_text,
  scattered_text,
  no_list_unsubscribe,
  spam_replies,
  failed_logins,
};
inline constexpr std::size_t kSignals = 10;

// A signal that has points, with the figures that gave them.
struct Reason {
  Signal signal = Signal::recipients;
  float figure = 0;    // what was counted
  float ordinary = 0;  // up to this it would have had no points
  float of = 0;        // of how many, where the figure is a part of something; else 0
  float points = 0;
};
// In plain words: "312 recipients in a day; up to 100 are ordinary for this account".
[[nodiscard]] std::string reason_text(const Reason& reason);

struct Verdict {
  Step step = Step::pass;
  bool raised = false;       // the step was lower before this call: an event is due
  std::uint8_t strikes = 0;  // how many times the account was held lately
  float score = 0;           // of the account, with what is left of earlier points
  std::uint8_t reasons_size = 0;
  std::array<Reason, kSignals> reasons_found{};

  // Those with most points first.
  [[nodiscard]] std::span<const Reason> reasons() const { return std::span(reasons_found).first(reasons_size); }
};

}  // namespace sluice::noticing
