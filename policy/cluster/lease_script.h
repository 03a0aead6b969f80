// The one function that runs at Redis, for each call of a lease: see lease_script.cc.
#pragma once

#include "policy/cluster/redis_function.h"

namespace sluice::policy {

// Its name has the version of the protocol, so that nodes of two versions each find their own.
inline constexpr std::string_view kLeaseFunction = "sluice_lease_1";
[[nodiscard]] const RedisFunction& lease_function();

}  // namespace sluice::policy
