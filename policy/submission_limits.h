// What a session asks before it takes recipients, messages and bytes from a submitter, and tells when they were taken.
// The limits are those of all that the submitter is: account, device password, customer, or trusted network; and those
// of the whole relay.  Core thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "auth/identity.h"
#include "engine/base/task.h"
#include "policy/meter.h"
#include "policy/sender.h"
#include "policy/subject.h"

namespace sluice::policy {

// A limit that has no room.
struct LimitReached {
  Subject subject = Subject::account;
  std::string name;  // of that
  FullWindow window;
};

struct Reserved {
  std::uint64_t amount = 0;             // as many as there is room for, at most what was asked for
  std::optional<LimitReached> refused;  // why there are not more
  // Of limits that refuse nothing: one was passed.
  std::optional<LimitReached> passed;
};

// Bytes are counted in these units, rounded up for each message.
inline constexpr std::uint64_t kBytesUnit = 1024;
[[nodiscard]] constexpr std::uint64_t bytes_units(std::uint64_t bytes) { return (bytes + kBytesUnit - 1) / kBytesUnit; }
// A limit as it is counted: of bytes in that unit, and in a class in shadow it only tells.
[[nodiscard]] inline Limit as_counted(Limit limit, bool shadow) {
  if (limit.quantity == Quantity::bytes) limit.amount = std::max<std::uint64_t>(limit.amount / kBytesUnit, 1);
  if (shadow) limit.action = Action::tell;
  return limit;
}

// A submitter.  Shared by its session and the transaction; outlived by what made it.
class Submitter {
 public:
  virtual ~Submitter() = default;
  // Whether it has a limit of that quantity.
  [[nodiscard]] virtual bool limits(Quantity quantity) const = 0;
  // So many are reserved until they are spent or given back; reserve() of a quantity that has no limits takes all.
  // Of bytes: in kBytesUnit.
  virtual Task<Reserved> reserve(Quantity quantity, std::uint64_t wanted) = 0;
  // Of what was reserved: it was taken; it was not.
  virtual void spend(Quantity quantity, std::uint64_t amount) = 0;
  virtual void give_back(Quantity quantity, std::uint64_t amount) = 0;
};

class SubmissionLimits {
 public:
  virtual ~SubmissionLimits() = default;
  // Null: nothing is limited.
  virtual std::shared_ptr<Submitter> open(const auth::Identity& identity) = 0;
  virtual std::shared_ptr<Submitter> open(const TrustedNetwork& network) = 0;
};

}  // namespace sluice::policy
