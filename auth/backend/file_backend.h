// A back end whose accounts are in a file (passwd_file.h), which is read again when it changes: looked at before a
// check, at most once a second, on a worker.  As long as what is there is not whole, what was read before goes on.
#pragma once

#include "auth/backend/kinds.h"

namespace sluice::auth {

// Reads the file.
[[nodiscard]] OpenedBackend make_file_source(const BackendOptions& options);

}  // namespace sluice::auth
