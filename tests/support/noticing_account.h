// One simulated account: sends messages through a Noticer, and hears later what became of the recipients.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "policy/noticing/noticer.h"

namespace sluice::noticing {

enum class Route : std::uint8_t {
  mx,          // dead addresses are refused
  smart_host,  // every address is taken
};

// A recipient of one account.
struct Correspondent {
  std::uint64_t hash = 0;
  bool dead = false;
};

struct SentMessage {
  std::vector<Correspondent> recipients;
  std::uint64_t network = 0;
  CountryCode country{};
  TextSketch text;
  bool list_unsubscribe = false;
  std::uint32_t failed_logins = 0;
  double spam_share = 0;  // of recipients, for which next hops say spam
};

class SimulatedAccount {
 public:
  SimulatedAccount(const ClassPolicy& policy, Route route) : noticer_(policy), route_(route) {}

  // The envelope, and its turn.  finish() comes when the wait is over, at the end of the content; time must not go
  // back.
  Turn begin(const SentMessage& message, Instant now);
  Verdict finish(const SentMessage& message, Instant now);
  // Hears what is due until then.
  void hear(Instant now);
  void sweep(Instant now) { noticer_.sweep(state_, now); }

  [[nodiscard]] AccountState& state() { return state_; }
  [[nodiscard]] Step worst() const { return worst_; }
  [[nodiscard]] float highest_score() const { return highest_score_; }
  // That went out.
  [[nodiscard]] std::uint32_t recipients_out() const { return recipients_out_; }
  [[nodiscard]] std::uint32_t messages_slowed() const { return messages_slowed_; }
  // Of the verdict with the highest score, in words.
  [[nodiscard]] std::string reasons() const;
  // So that a thief is counted from here on.
  void begin_anew();

 private:
  struct Pending {
    Instant at;
    Outcome outcome;
  };
  void note(const Verdict& verdict);

  Noticer noticer_;
  Route route_;
  AccountState state_;
  std::deque<Pending> pending_;
  std::uint64_t sent_ = 0;
  Verdict highest_;
  Step worst_ = Step::pass;
  float highest_score_ = 0;
  std::uint32_t recipients_out_ = 0;
  std::uint32_t messages_slowed_ = 0;
};

}  // namespace sluice::noticing
