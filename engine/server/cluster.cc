#include "engine/server/cluster.h"

#include <string>

#include "engine/event/events.h"

namespace sluice::server {

Cluster::Cluster(const policy::ClusterParts& parts, const policy::ClusterOptions& options, policy::Budgets& budgets,
                 event::Emitter& events, std::uint32_t core)
    : events_(events),
      local_share_(options.local_share),
      budget_(parts, options, [this](const policy::ClusterNotice& notice) { emit(notice); }),
      leases_({.loop = parts.loop,
               .shared = budgets.shared,
               .cores = budgets.cores,
               .link = *budgets.upper,
               .upper = budget_,
               .core = core}) {}

void Cluster::start() { tasks_.add(begin()); }

Task<void> Cluster::begin() {
  co_await leases_.restore();
  budget_.start();
  leases_.start();
}

Task<void> Cluster::close() {
  co_await tasks_.join("the cluster's beginning");
  co_await leases_.close();
  co_await budget_.close();
}

void Cluster::emit(const policy::ClusterNotice& notice) {
  using Kind = policy::ClusterNotice::Kind;
  const std::uint64_t recipients = notice.amount[static_cast<std::size_t>(policy::Quantity::recipients)];
  const std::uint64_t messages = notice.amount[static_cast<std::size_t>(policy::Quantity::messages)];
  switch (notice.kind) {
    case Kind::alone: {
      const std::string effect =
          "limits go on with what is held, and up to " + std::to_string(local_share_) + " percent of each";
      events_.emit(event::ClusterUnreachable{.reason = notice.reason,
                                             .effect = effect,
                                             .meters = notice.meters,
                                             .recipients = recipients,
                                             .messages = messages});
      return;
    }
    case Kind::reachable:
      events_.emit(event::ClusterBack{.effect = "what was spent meanwhile is reported"});
      return;
    case Kind::data_lost:
      events_.emit(event::ClusterDataLost{.effect = "nothing is leased until all relays had the time to report",
                                          .meters = notice.meters,
                                          .recipients = recipients,
                                          .messages = messages});
      return;
    case Kind::remainder:
      events_.emit(event::ClusterRemainder{.meters = notice.meters, .recipients = recipients, .messages = messages});
      return;
  }
}

}  // namespace sluice::server
