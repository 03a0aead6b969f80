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
#include "auth/store/password_hash.h"

namespace sluice::auth {

// What a client says of a login; or, with `hash`, of one whose secret is still to be compared with that.
struct Found {
  Verdict verdict;   // with a hash: granted or suspended, for a secret that matches
  std::string hash;  // wiped when it has been compared
};

// One thread at a time.
class BlockingClient {
 public:
  virtual ~BlockingClient() = default;
  // Blocks, for about the back end's timeout at most.
  [[nodiscard]] virtual Found check(const Credentials& credentials) = 0;
  // Likewise, whether the name is there; nothing is known of the secret.
  [[nodiscard]] virtual MailboxState look_up(const Credentials& /*credentials*/) { return MailboxState::untold; }
};

// `make` is called on the threads, any number of times at once.  With a hasher, clients hand back hashes: they are
// compared on the threads for hashes, with the same work for a name that is not known.  Without one, what a client says
// stands.
[[nodiscard]] std::unique_ptr<BackendSource> make_threaded_source(const BackendOptions& options,
                                                                  std::function<std::unique_ptr<BlockingClient>()> make,
                                                                  std::unique_ptr<PasswordHasher> hasher = nullptr);

}  // namespace sluice::auth
