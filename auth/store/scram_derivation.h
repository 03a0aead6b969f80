// SCRAM's keys of a password: PBKDF2 by libcrypto.  Blocks for as long as its iterations take, about half a microsecond
// each.  Pure but for the salt; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "auth/scram.h"
#include "auth/secret.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

// With a salt that is drawn for them.
[[nodiscard]] StoreResult<ScramKeys> make_scram_keys(const Secret& password, std::uint32_t iterations);
[[nodiscard]] StoreResult<ScramKeys> derive_scram_keys(std::string_view password, std::string_view salt,
                                                       std::uint32_t iterations);

}  // namespace sluice::auth
