// What a configuration would have done with recorded mail, and to whom: the same classes, limits and noticer as in the
// relay (policy/classes.h, meter.h, noticing/account_watch.h), fed with what the log says of each message.
// What the log does not have is not judged: the text of messages and their List-Unsubscribe field, failed logins,
// device passwords, and which messages shared a session.  Pure: no I/O, and the clock is that of the records.  One
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/identity.h"
#include "engine/base/lru_map.h"
#include "policy/classes.h"
#include "policy/noticing/account_watch.h"
#include "policy/replay/recorded_event.h"
#include "policy/replay/replayed_limits.h"

namespace sluice::policy {

// From harmless to worst.
enum class Effect : std::uint8_t {
  passed,
  noted,      // accepted; the operator is told: "told"
  slowed,     // accepted, after a while
  held,       // accepted, and held for review
  deferred,   // 4yz
  refused,    // 550, by a limit
  suspended,  // 550, as the noticer has suspended the account's sending
};
inline constexpr std::size_t kEffects = 7;
[[nodiscard]] std::string_view effect_name(Effect effect);
// Whether the message is not on its way to the next hop.
[[nodiscard]] constexpr bool stops(Effect effect) { return effect >= Effect::held; }

// One rule that touches a message.
struct Finding {
  Effect effect = Effect::passed;  // what is done, or would be
  bool shadow = false;             // it would be, if the class were not in shadow
  std::string_view reason;         // as replies are named in the log; empty: it is no refusal
  std::string figures;
  std::uint32_t recipients = 0;  // that it touches
};

struct Judgement {
  bool network = false;                       // of a listener's trusted hosts, not of an account
  const PolicyClass* policy_class = nullptr;  // null: of trusted hosts without one
  std::uint32_t recipients_passed = 0;        // that are on their way to a next hop, at once or slowed
  std::vector<Finding> findings;              // in the order in which they were found
  bool watched = false;                       // the noticer has judged the message
  noticing::Verdict verdict;                  // of it
};

struct Tally {
  std::uint64_t messages = 0;
  std::uint64_t recipients = 0;
  void add(std::uint64_t count) {
    ++messages;
    recipients += count;
  }
};

// What became of an account's mail, or of that of a listener's trusted hosts.
struct ReplayedSender {
  std::string name;  // the account's, or the listener's
  std::string customer;
  bool network = false;
  std::string policy_class;
  Tally all;
  std::array<Tally, kEffects> by_effect;       // a message to which several things happen is in several; not passed
  Tally in_shadow;                             // would have been slowed, held, deferred, refused or suspended
  std::uint64_t refused_before = 0;            // recipients that had been refused when it was recorded: not tried again
  noticing::Step step = noticing::Step::pass;  // the highest that the noticer has found
  // The gravest thing that happened, and when it did first; in shadow only where nothing else happened.
  Finding worst;
  WallMillis worst_at = 0;
  std::string worst_id;

  [[nodiscard]] bool touched() const { return worst.effect != Effect::passed; }
};

struct ReplayParts {
  const PolicyClasses& classes;
  // Of an account that is in the records; never null.
  std::function<auth::IdentityRef(const std::string& account, const std::string& customer)> identify;
  // The class that a listener names for its trusted hosts; empty: none.
  std::function<std::string(const std::string& listener)> network_class;
};

class Replay {
 public:
  explicit Replay(ReplayParts parts) : parts_(std::move(parts)) {}
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // In order of time; what is earlier than something before it counts as of then.
  void add(const RecordedEvent& event);
  // The same of one message.
  Judgement judge(const RecordedMessage& message);

  struct Counts {
    WallMillis from = 0;  // of the first event; 0: there was none
    WallMillis upto = 0;
    std::uint64_t not_judged = 0;          // messages refused when they were recorded for what policy has no part in
    std::uint64_t without_name = 0;        // recipients that the log had no room for: the noticer does not see them
    std::uint64_t late = 0;                // events more than kLateMs earlier than one before them
    std::uint64_t beyond_senders_max = 0;  // events of senders over kSendersMax
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Those with most recipients in what was done to them first.
  [[nodiscard]] std::vector<const ReplayedSender*> senders() const;

  static constexpr WallMillis kLateMs = 60'000;
  static constexpr std::size_t kSendersMax = 1'000'000;

 private:
  struct Sender {
    ReplayedSender summary;
    auth::IdentityRef identity;  // null: trusted hosts
    PolicyClasses::Chosen chosen;
    SubmitterLimits limits;
    noticing::Step last_step = noticing::Step::pass;  // of its last message
  };
  // A message as it goes on through the rules.
  struct Passing {
    const RecordedMessage& message;
    Sender& sender;
    Judgement judgement;
    std::vector<std::string_view> to;
    std::uint32_t recipients = 0;  // that no rule has stopped
    std::uint32_t first_time = 0;  // of these
    noticing::Step step = noticing::Step::pass;
    Instant now{};
  };

  WallMillis advance(WallMillis at);
  [[nodiscard]] Instant instant() const;
  Sender* sender_of(const std::string& account, const std::string& customer, const std::string& listener);
  void open_account(Sender& sender, const std::string& account, const std::string& customer);
  void open_network(Sender& sender, const std::string& listener);
  void add_delivery(const RecordedDelivery& delivery);
  void count_recipients(Passing& passing);
  [[nodiscard]] std::vector<bool> first_time(const Passing& passing);
  void ask_limits(Passing& passing);
  void wait_for_turn(Passing& passing);
  void notice(Passing& passing);
  void settle(Passing& passing);

  ReplayParts parts_;
  Counts counts_;
  ReplayedLimits limits_;
  noticing::AccountWatch watch_{noticing::AccountWatch::Key{}};  // nobody chooses recipients to collide with
  std::unordered_map<std::string, Sender> senders_;
  LruMap<bool> stopped_;  // ids of messages that have not gone on: what was said of them is not heard
};

}  // namespace sluice::policy
