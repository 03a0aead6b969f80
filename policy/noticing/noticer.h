// Notices accounts that begin to send as spammers do: counts for each account what a few signals look at, adds their
// points to a score, and answers with a step of the ladder and its reasons.  Pure: no I/O, no clock.
// A Noticer is constant and may be used by all threads; an AccountState by one at a time (its owner locks).
//
// How a session and the queue use it:
//     turn = noticer.wait(state, recipients, now)        before the content is asked for, so that nothing is held up
//     first = noticer.recipient(state, hash, now)        at the end, for each recipient; counts what is new
//     verdict = noticer.message(state, facts, now)       then, before the final dot is answered or passed on
//     verdict = noticer.outcome(state, outcome, now)     for each recipient, when its next hop has answered for good
//
// Addresses and networks come as hashes of 64 bits, keyed so that senders cannot choose them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/time.h"
#include "policy/noticing/account_state.h"
#include "policy/noticing/class_policy.h"
#include "policy/noticing/message_facts.h"
#include "policy/noticing/verdict.h"

namespace sluice::noticing {

struct Turn {
  Duration wait{};     // before the content is asked for
  bool defer = false;  // the turn is too far away for a client to wait: 451 4.7.1
};

class Noticer {
 public:
  explicit Noticer(const ClassPolicy& policy) : policy_(policy) {}

  // A recipient of a message.  True: the account never wrote to it before (known_recipients.h says how this may err).
  // Known from here on, whatever becomes of the message: one that is tried again by its client counts its strangers
  // once.
  [[nodiscard]] bool recipient(AccountState& state, std::uint64_t address, Instant now) const;

  // Takes the message's turn.  Nothing to wait for below step slow.  All sessions of an account share its turns.
  [[nodiscard]] Turn wait(AccountState& state, std::uint32_t recipients, Instant now) const;

  // Counts the message and judges the account with it.  What is held or refused is not counted as sent.
  [[nodiscard]] Verdict message(AccountState& state, const MessageFacts& facts, Instant now) const;

  // What other relays have seen the account send, as sums: counts as if it had been seen here, and raises nothing by
  // itself.  What is judged next counts it.
  struct SeenElsewhere {
    std::uint32_t recipients = 0;
    std::span<const std::uint64_t> strangers;  // that the account never wrote to there
    std::uint32_t more_strangers = 0;
    struct Network {
      std::uint64_t hash = 0;
      CountryCode country{};
    };
    std::span<const Network> networks;
    struct Text {
      TextSketch sketch;
      std::uint64_t network = 0;  // as in MessageFacts
      std::uint32_t recipients = 0;
      std::uint32_t first_time = 0;           // of these
      std::uint32_t without_unsubscribe = 0;  // of these
    };
    std::span<const Text> texts;
    std::uint32_t failed_logins = 0;
    std::uint32_t accepted = 0;
    std::uint32_t unknown = 0;
    std::uint32_t spam = 0;
    std::uint32_t other = 0;
  };
  void merge(AccountState& state, const SeenElsewhere& seen, Instant now) const;

  // What a next hop said of one recipient, once for each.  May raise the step by itself.
  Verdict outcome(AccountState& state, const Outcome& outcome, Instant now) const;

  // What message() would say, without counting anything: for `explain`, and for a login.
  [[nodiscard]] Verdict judge(AccountState& state, Instant now) const;

  // An operator lifts all steps: what led to them is forgotten, strikes too; history and known recipients stay.
  void release(AccountState& state) const;

  // Now and then for each account: what looks back a day is freed where a day has passed without mail, but for texts
  // that came from several networks to strangers (recent_texts.h), which are kept until they have waned.  True:
  // the account is idle, and takes sizeof(AccountState) and its known recipients.
  bool sweep(AccountState& state, Instant now) const;

  // When it was judged last; never: the clock's beginning.
  [[nodiscard]] static Instant last_judged(const AccountState& state);
  // Whether it is at step hold or suspend, and the timer that lifts these is not over.
  [[nodiscard]] static bool holds(const AccountState& state, Instant now);
  // An account whose state was kept in a file is here again.  The clock was set by so many minutes meanwhile, and it is
  // `now`.
  void set_clock(AccountState& state, std::int64_t minutes, Instant now) const;

 private:
  ClassPolicy policy_;
};

}  // namespace sluice::noticing
