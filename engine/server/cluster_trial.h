// Whether the cluster that the limits are shared in answers, for `sluice check`.  Blocking; a program of one thread.
#pragma once

#include <expected>
#include <string>

#include "engine/config/delivery.h"
#include "policy/cluster/options.h"

namespace sluice::server {

// One server answers, and lets us log in; nothing is changed there.  The error is a sentence.
[[nodiscard]] std::expected<void, std::string> try_cluster(const policy::ClusterOptions& options,
                                                           const config::DnsConfig& dns);

}  // namespace sluice::server
