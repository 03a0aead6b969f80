// The cluster that the limits, the shield and steps against accounts are shared in ([cluster]), as one core of the
// process serves it, and the events about it.  That core's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/backend/shared_shield.h"
#include "engine/event/dispatcher.h"
#include "policy/budget/budgets.h"
#include "policy/cluster/cluster_budget.h"
#include "policy/cluster/cluster_share.h"
#include "policy/noticing/account_watch.h"

namespace sluice::server {

// Of a limit of the shield.
void emit_shield_raised(event::Emitter& events, const auth::ShieldEntry& reached);

class Cluster {
 public:
  // What of this process is shared.  All outlive this.
  struct SharedParts {
    policy::Budgets& budgets;  // has joined a cluster
    auth::SharedShield& shield;
    noticing::AccountWatch& watch;
    // How accounts of that class are watched; null: there is no such class, or it is not watched.
    std::function<const noticing::WatchedClass*(std::string_view)> watched_class;
    // Another relay holds this account: what is queued of it is to be held.
    std::function<void(const std::string& account, const std::string& reasons)> hold_queued;
  };
  Cluster(const policy::ClusterParts& parts, const policy::ClusterOptions& options, const SharedParts& shared,
          event::Emitter& events, std::uint32_t core);

  // Once all cores of the process are there.
  void start();
  // When this core has closed its budget: waits until the others have, then tells the cluster what is left.
  Task<void> close();

  // A step that this relay takes against an account, or lifts (pass): for the others.
  void publish(const std::string& account, noticing::Step step, Duration lasts, const std::string& reasons);
  // What all relays have used.
  [[nodiscard]] policy::ClusterBudget& budget() { return budget_; }

 private:
  Task<void> begin();
  void emit(const policy::ClusterNotice& notice);
  [[nodiscard]] policy::ShareHooks hooks();
  void emit_shared(const policy::ShareNotice& notice);
  void take_step(const policy::AccountStep& step, const std::string& node);

  io::Loop& loop_;
  SharedParts shared_;
  event::Emitter& events_;
  std::string node_;
  std::uint32_t local_share_;
  policy::ClusterBudget budget_;
  policy::UpperLeases leases_;
  std::optional<policy::ClusterShare> share_;  // none: there is no key
  TaskSet tasks_;
};

}  // namespace sluice::server
