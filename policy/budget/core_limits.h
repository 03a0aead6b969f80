// The limits of one configuration as a core's sessions ask for them: which meters count for a login, and in which order
// they are asked.  Core thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "policy/budget/core_budget.h"
#include "policy/classes.h"
#include "policy/submission_limits.h"

namespace sluice::policy {

// What is to be told of a limit: it is near, was passed, or refuses.
struct LimitNotice {
  enum class Kind : std::uint8_t { near, passed, refused };
  Kind kind = Kind::near;
  LimitReached limit;
  std::string account;
  std::string customer;
  bool shadow = false;
};

class CoreLimits final : public SubmissionLimits {
 public:
  using Notice = std::function<void(const LimitNotice&)>;
  // `budget` outlives all submitters.
  CoreLimits(CoreBudget& budget, std::shared_ptr<const PolicyClasses> classes, Notice notice)
      : budget_(budget), classes_(std::move(classes)), notice_(std::move(notice)) {}

  std::shared_ptr<Submitter> open(const auth::Identity& identity) override;
  std::shared_ptr<Submitter> open(const TrustedNetwork& network) override;

 private:
  CoreBudget& budget_;
  std::shared_ptr<const PolicyClasses> classes_;
  Notice notice_;
};

}  // namespace sluice::policy
