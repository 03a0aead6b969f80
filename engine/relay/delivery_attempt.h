// One try to deliver a queued message to its recipients of one destination: gets a connection to a next hop, or the
// route's Maildir, passes the message on, and writes what became of each recipient into the message's status, in
// memory. The spool, the schedule and the log are its owner's. Owned by a task of the queue; that core's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/relay/active_messages.h"
#include "engine/relay/delivery_record.h"
#include "engine/relay/message_destinations.h"
#include "engine/relay/router.h"
#include "engine/relay/transmission.h"
#include "engine/schedule/retry_curve.h"
#include "engine/schedule/throttle.h"

namespace sluice::relay {

class DeliveryAttempt {
 public:
  // What is referred to outlives the attempt; the router until run() has its connection.
  struct Parts {
    io::Loop& loop;
    spool::Spool& spool;
    Router& router;
    const bool& stopping;  // the core stops: what fails then fails for a reason of our own
  };
  // `to`: recipients in the order in which the next hop is asked about them.
  DeliveryAttempt(const Parts& parts, ActiveMessage& message, MessageDestination to);
  DeliveryAttempt(const DeliveryAttempt&) = delete;
  DeliveryAttempt& operator=(const DeliveryAttempt&) = delete;

  // Once, with one recipient at least.
  Task<void> run();

  [[nodiscard]] ActiveMessage& message() const { return message_; }
  [[nodiscard]] const MessageDestination& to() const { return to_; }
  [[nodiscard]] const std::vector<std::uint32_t>& recipients() const { return to_.recipients; }
  [[nodiscard]] Instant began() const { return began_; }

  // What came of it; before run(): nothing was tried.
  struct Result {
    schedule::Verdict verdict = schedule::Verdict::not_tried;
    std::vector<RecipientOutcome> outcomes;  // of the recipients
    // No host may be asked before, by the operator's order: nothing was tried.
    Instant suspended_until = Instant::min();
    bool more_now = false;                  // what is left need not wait: the next hop takes no more at a time
    std::optional<std::string> unreadable;  // the content cannot be read: a sentence that says why
    std::string next_hop;                   // where there was a connection
    std::string next_hop_address;
    TlsFacts tls;
    std::uint32_t attempt = 0;  // as in DeliveryRecord
    std::string response;       // what decided it
  };
  [[nodiscard]] const Result& result() const { return result_; }
  // Once, for the log.
  [[nodiscard]] std::vector<RecipientOutcome> take_outcomes() { return std::move(result_.outcomes); }

 private:
  Task<void> transmit(hop::Pool& pool);
  Task<void> put_into_maildir(std::string directory);  // maildir_attempt.cc
  void fail(const RoutingFailure& why);
  void not_attempted();
  // What is the same for all recipients, where no reply was given to each.
  struct CommonOutcome {
    message::Fate fate{};
    DeliveryOutcome outcome{};
    std::uint16_t code = 0;
    smtp::EnhancedCode enhanced;
    std::string text;
  };
  void record_for_all(const CommonOutcome& common);

  Parts parts_;
  ActiveMessage& message_;
  MessageDestination to_;
  Instant began_;
  Result result_;
};

// What a transmission, which has ended, says of its destination.
[[nodiscard]] schedule::Verdict verdict_of(const Transmission& transmission);

// Recipients in the order in which a next hop is asked about them: where it takes few at a time, those about whom it
// was not asked come first.
void sort_by_tries(std::vector<std::uint32_t>& recipients, const message::DeliveryStatus& status);

// Whether recipients that are left need not wait.  RFC 5321 4.5.3.1.10: after "452 Too many recipients" the rest goes
// in another transaction, now; and so do those about whom a next hop with a limit was not asked, until it was asked
// about all equally often.  `results` are of `recipients`, in their order; `status` has them already.
[[nodiscard]] bool takes_more_now(std::span<const RecipientResult> results, std::span<const std::uint32_t> recipients,
                                  const message::DeliveryStatus& status, schedule::Verdict verdict);

// An attempt that has ended, as far as the next one depends on it.
struct EndedAttempt {
  std::span<const std::uint32_t> recipients;
  const message::DeliveryStatus& status;
  WallMillis arrived = 0;  // the message
  schedule::Verdict verdict = schedule::Verdict::not_tried;
  bool more_now = false;
};
// When the recipients that still wait are tried again; absent: there are none, or no time is left for another try
// before the message is given up, `expire` after it arrived.  `random` is called where the curve needs a number.
[[nodiscard]] std::optional<WallMillis> next_try_after(const EndedAttempt& attempt, const schedule::RetryCurve& curve,
                                                       Duration expire, WallMillis now,
                                                       absl::FunctionRef<std::uint64_t()> random);

// Between two looks at what could not be tried for a reason of our own; it counts as no try.
inline constexpr Duration kTryAgainSoon = std::chrono::seconds(5);

}  // namespace sluice::relay
