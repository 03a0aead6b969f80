// The account store as a back end: look-ups on the threads for it, or on the pool that all cores share, password hashes
// on threads of their own.
#pragma once

#include <memory>

#include "auth/backend/backend.h"

namespace sluice::auth {

[[nodiscard]] std::unique_ptr<BackendSource> make_store_source();

}  // namespace sluice::auth
