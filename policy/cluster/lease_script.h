// The one function that runs at Redis, for each call of a node: see lease_script.cc.
#pragma once

#include <string>
#include <string_view>

namespace sluice::policy {

// Its name has the version of the protocol, so that nodes of two versions each find their own.
inline constexpr std::string_view kLeaseFunction = "sluice_lease_1";

// For FUNCTION LOAD (Redis 7, Valkey).
[[nodiscard]] std::string lease_function();
// For SCRIPT LOAD (Redis 6).
[[nodiscard]] std::string lease_eval_script();

}  // namespace sluice::policy
