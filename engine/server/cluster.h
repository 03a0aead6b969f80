// The cluster that the limits are shared in ([cluster]), as one core of the process serves it: leases, and the events
// about it.  That core's thread.
#pragma once

#include <cstdint>

#include "engine/event/dispatcher.h"
#include "policy/budget/budgets.h"
#include "policy/cluster/cluster_budget.h"

namespace sluice::server {

class Cluster {
 public:
  // `budgets` has joined a cluster.
  Cluster(const policy::ClusterParts& parts, const policy::ClusterOptions& options, policy::Budgets& budgets,
          event::Emitter& events, std::uint32_t core);

  // Once all cores of the process are there.
  void start();
  // When this core has closed its budget: waits until the others have, then tells the cluster what is left.
  Task<void> close();

 private:
  Task<void> begin();
  void emit(const policy::ClusterNotice& notice);

  event::Emitter& events_;
  std::uint32_t local_share_;
  policy::ClusterBudget budget_;
  policy::UpperLeases leases_;
  TaskSet tasks_;
};

}  // namespace sluice::server
