// What is used of the limits and was noticed of accounts, for sluicectl usage and noticed.  Any thread; looks at all
// meters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/control/noticed_request.h"
#include "engine/control/usage_request.h"
#include "engine/server/decision_log.h"
#include "engine/server/sender_activity.h"
#include "policy/budget/budgets.h"
#include "policy/cluster/cluster_budget.h"
#include "policy/noticing/account_watch.h"

namespace sluice::server {

// What was noticed of an account, for sluicectl noticed.
[[nodiscard]] control::NoticedAccount noticed_account(noticing::AccountWatch& watch, const std::string& account,
                                                      Instant now);
// What usage is found in.
struct UsageSources {
  policy::Budgets& budgets;
  noticing::AccountWatch& watch;
  SenderActivities& activities;
  DecisionLog& decisions;
};
// Of so many meters at most the cluster is asked.
inline constexpr std::size_t kClusterMetersMax = 4096;
// Those that a request is about, those next to their limit by this relay's use first.
[[nodiscard]] std::vector<policy::MeterKey> usage_meters(const UsageSources& sources,
                                                         const control::UsageRequest& request, Instant now);
// What others know of the use.
struct UsageReadings {
  absl::flat_hash_map<policy::MeterKey, std::uint64_t> unreserved;  // leased by cores
  std::optional<policy::ClusterUses> cluster;                       // none: there is no cluster
};
[[nodiscard]] control::Usage find_usage(const UsageSources& sources, const UsageReadings& readings,
                                        const control::UsageRequest& request, Instant now);

}  // namespace sluice::server
