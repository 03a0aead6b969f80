// Where the accounts' store is, as it is configured.
#pragma once

#include <expected>
#include <string>

#include "auth/backend/options.h"
#include "auth/store/store_address.h"

namespace sluice::auth {

// The PostgreSQL database on `server`, whose password file and authorities are read; the file `accounts` where that has
// no servers.  The error is a sentence.
[[nodiscard]] std::expected<StoreAddress, std::string> store_address_of(const std::string& accounts,
                                                                        const BackendOptions& server);

}  // namespace sluice::auth
