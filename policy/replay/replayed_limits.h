// The limits of one configuration as they would have counted recorded messages: one meter for each subject and
// quantity, without leases, cores and journal.  Pure; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/limit.h"
#include "policy/meter.h"
#include "policy/subject.h"

namespace sluice::policy {

// Of one submitter's one quantity: a meter, and its limits.
struct CountedLimits {
  Subject subject = Subject::account;
  std::string name;
  Quantity quantity = Quantity::recipients;
  Meter* meter = nullptr;
  std::vector<Limit> counted;   // with the actions that are taken: in shadow these only tell
  std::vector<Limit> original;  // of the class, in the same order
};
// In the order in which they are asked.
using SubmitterLimits = std::vector<CountedLimits>;

// A limit that had no room.
struct LimitFinding {
  Action action = Action::refuse;  // what the limit does, or would do
  bool shadow = false;             // it would, if its class were not in shadow
  std::uint32_t recipients = 0;    // of the message, that it touches
  std::string figures;
};

class ReplayedLimits {
 public:
  ReplayedLimits() = default;
  ReplayedLimits(const ReplayedLimits&) = delete;
  ReplayedLimits& operator=(const ReplayedLimits&) = delete;

  // Adds the limits of one subject; limits of sessions are left out, as no record says which messages shared one.
  void count(SubmitterLimits& submitter, Subject subject, const std::string& name, std::span<const Limit> limits,
             bool shadow);

  // What a message comes to.  Without recipients: nothing but its first-time recipients.
  struct Message {
    std::uint32_t recipients = 0;
    std::uint32_t first_time = 0;  // of these
    std::uint64_t bytes = 0;
  };
  struct Room {
    std::uint32_t recipients = 0;  // that there is room for, after first-time ones that there is none for
    std::uint32_t first_time = 0;  // likewise
    std::vector<LimitFinding> findings;
  };
  // Counts nothing.  `now` never goes back.
  [[nodiscard]] static Room ask(SubmitterLimits& submitter, const Message& message, WallMillis now);
  // A message that was accepted, or of which only its recipients are known from now on.
  static void spend(SubmitterLimits& submitter, const Message& message, WallMillis now);

 private:
  std::unordered_map<std::string, Meter> meters_;  // stay where they are
};

}  // namespace sluice::policy
