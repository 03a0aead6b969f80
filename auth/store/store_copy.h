// A store's content in another one: from a file into a database that relays share, and back.  Used by sluicectl.  Calls
// block.
#pragma once

#include <cstddef>
#include <functional>

#include "auth/store/store_address.h"
#include "auth/store/store_error.h"

namespace sluice::auth {

struct StoreCounts {
  std::size_t customers = 0;
  std::size_t domains = 0;
  std::size_t accounts = 0;
  std::size_t devices = 0;
};

struct CopyOptions {
  bool replace = false;                          // what the other one has is removed before
  std::function<void(std::size_t)> on_progress;  // with the number of rows that were written
};

// In one transaction, of one moment of `from`, and with the key of device passwords, which are good in `to` as well.
// `to` is made where it is missing; where it has customers already, it is refused unless they are to be replaced.
[[nodiscard]] StoreResult<StoreCounts> copy_store(const StoreAddress& from, const StoreAddress& to,
                                                  const CopyOptions& options);

}  // namespace sluice::auth
