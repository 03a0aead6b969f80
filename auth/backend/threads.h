// For client libraries that block: threads that belong to one back end, each check on one of them with a client of its
// own, which it keeps.  A login waits no longer than the back end's timeout, whatever the library does; what it asked
// goes on until the library gives up, and holds one thread of this back end alone until then.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "auth/backend/backend.h"
#include "auth/backend/options.h"

namespace sluice::auth {

// One thread at a time.
class BlockingClient {
 public:
  virtual ~BlockingClient() = default;
  // Blocks, for about the back end's timeout at most.
  [[nodiscard]] virtual Verdict check(const Credentials& credentials) = 0;
};

// `make` is called on the threads, any number of times at once.
[[nodiscard]] std::unique_ptr<BackendSource> make_threaded_source(
    const BackendOptions& options, std::function<std::unique_ptr<BlockingClient>()> make);

}  // namespace sluice::auth
