// What all cores share of the limits.  Outlives them; each part says which threads may use it.
#pragma once

#include <cstdint>
#include <memory>

#include "policy/budget/core_budget.h"
#include "policy/budget/policy_clock.h"
#include "policy/budget/shared_budget.h"
#include "policy/budget/upper_leases.h"

namespace sluice::policy {

struct Budgets {
  Budgets(io::Clock& platform_clock, std::uint32_t core_count)
      : clock(platform_clock), shared(core_count), cores(core_count) {}
  // Before the cores start: they lease from a cluster.
  void join_cluster() {
    shared.lease_from_cluster();
    upper = std::make_unique<UpperLink>(cores.count());
  }

  PolicyClock clock;
  SharedBudget shared;
  BudgetCores cores;
  std::unique_ptr<UpperLink> upper;  // null: there is no cluster
};

}  // namespace sluice::policy
