// What all cores share of the limits.  Outlives them; each part says which threads may use it.
#pragma once

#include "policy/budget/core_budget.h"
#include "policy/budget/policy_clock.h"
#include "policy/budget/shared_budget.h"

namespace sluice::policy {

struct Budgets {
  Budgets(io::Clock& platform_clock, std::uint32_t core_count)
      : clock(platform_clock), shared(core_count), cores(core_count) {}

  PolicyClock clock;
  SharedBudget shared;
  BudgetCores cores;
};

}  // namespace sluice::policy
