// Customers and domains by the names that the operator gives, and what is said where the store has none of that name.
// As Database: one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "auth/store/database.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

// The id of a customer.  not_found: there is none of that name.
[[nodiscard]] StoreResult<std::int64_t> customer_of_name(Database& database, std::string_view name);

[[nodiscard]] std::unexpected<StoreError> no_such_customer(std::string_view name);
[[nodiscard]] std::unexpected<StoreError> no_such_domain(std::string_view name);

}  // namespace sluice::auth
