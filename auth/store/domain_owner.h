// Whose a login is by its domain: one look-up for logins, imports and device passwords.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "auth/store/database.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

// The customer that has this domain, or all below one that it lies in.
[[nodiscard]] StoreResult<std::optional<std::int64_t>> owner_of_domain(Database& database, std::string_view domain);

}  // namespace sluice::auth
