// What became of a message's recipients, as values: what a transmission to a next hop says, what the spool keeps, what
// the schedule and the reports go by.
// Values.  Any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/smtp/reply.h"

namespace sluice::message {

// Where a recipient's copy is.  All but `waiting` are final.
enum class Fate : std::uint8_t {
  waiting,    // still ours to deliver
  relayed,    // a next hop has taken it
  delivered,  // put into a mailbox of our own
  failed,     // refused for good
  expired,    // could not be delivered in time
  removed,    // by the operator
};

// The last word on one recipient.
struct RecipientStatus {
  Fate fate = Fate::waiting;
  bool delay_reported = false;
  bool reported = false;       // a final report is in the spool, or none is due
  bool passed_on_dsn = false;  // relayed to a next hop that offers DSN: reports on success are now its business
  std::uint16_t code = 0;      // the next hop's reply; 0: there was none
  smtp::EnhancedCode enhanced;
  std::string text;      // its words, or what went wrong; at most kWordsBytesMax, cleaned
  std::string next_hop;  // "mx.example.net:25", whose response it was; empty: no host was asked
  WallMillis at = 0;     // when; 0: never tried
  // A message's recipients may be bound for as many destinations, and each of these has its own retry curve.
  std::uint32_t tries = 0;  // delivery attempts that this one was asked for in
  WallMillis due = 0;       // waiting: not to be tried before
  friend bool operator==(const RecipientStatus&, const RecipientStatus&) = default;
};

// One try to pass a message on.
struct Attempt {
  WallMillis at = 0;
  std::string next_hop;
  std::string tls;               // protocol version; empty: none
  std::uint16_t recipients = 0;  // asked for
  std::uint16_t taken = 0;
  std::uint16_t code = 0;  // of the reply that decided it; 0: there was none
  std::string text;
  friend bool operator==(const Attempt&, const Attempt&) = default;
};

inline constexpr std::size_t kWordsBytesMax = 512;
inline constexpr std::size_t kAttemptsKept = 40;  // the first one and the latest ones

// All that changes about a message once it is accepted.
struct DeliveryStatus {
  std::vector<RecipientStatus> recipients;  // as in Envelope::recipients
  std::vector<Attempt> attempts;            // oldest first, at most kAttemptsKept
  std::uint32_t tries = 0;                  // all of them, whatever destination they were for
  WallMillis due = 0;                       // when the first of the waiting recipients is
  bool held = false;                        // until the operator releases it
  std::string hold_reason;                  // why, and by whose order; at most kWordsBytesMax, cleaned; may be empty
  friend bool operator==(const DeliveryStatus&, const DeliveryStatus&) = default;

  [[nodiscard]] bool finished() const {
    for (const RecipientStatus& recipient : recipients)
      if (recipient.fate == Fate::waiting) return false;
    return true;
  }
  // After a recipient's fate or time has changed.
  void update_due() {
    bool any = false;
    for (const RecipientStatus& recipient : recipients) {
      if (recipient.fate != Fate::waiting) continue;
      due = any ? std::min(due, recipient.due) : recipient.due;
      any = true;
    }
    if (!any) due = 0;
  }
  void add(Attempt attempt) {
    ++tries;
    if (attempts.size() >= kAttemptsKept) attempts.erase(attempts.begin() + 1);
    attempts.push_back(std::move(attempt));
  }
};

}  // namespace sluice::message
