// Where a name and a secret are checked.  A BackendSource is what a configured back end has once in the process (its
// settings, its threads); from it each core makes a Backend of its own (its connections).
//
// A protocol of its own runs on the core's ring (wire.h); a client library that blocks, and a password hash, run on
// threads that belong to that back end alone (threads.h), so that those that hang stop nobody else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auth/backend/verdict.h"
#include "auth/secret.h"
#include "auth/store/account_store.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"
#include "engine/net/dialer.h"
#include "engine/net/resolver.h"

namespace sluice::auth {

// That core's thread only.
// What an operator reads of a login that found no place in the queue of the store's threads.
inline constexpr const char* kStoreBusy = "too many look-ups wait for the account store";

class Backend {
 public:
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Takes no longer than the back end's timeout.  Whatever keeps an answer from being found is `unavailable`, with a
  // reason that names the server and never the secret.  `credentials` outlive the task.
  virtual Task<Verdict> check(const Credentials& credentials) = 0;
  // Whether it still has this name, without a password.  Takes no longer than the back end's timeout, either.
  virtual Task<MailboxState> look_up(const Name& /*name*/) { co_return MailboxState::untold; }
  // Ends kept connections.  No check() and no look_up() is under way, and none follows.
  virtual Task<void> close() { co_return; }

 protected:
  Backend() = default;
};

// Of an account whose stored password cannot be checked.
[[nodiscard]] inline Verdict unmatched(const Name& name, std::string_view reason) {
  Verdict verdict = Verdict::of(Verdict::Kind::unavailable, unmatched_text(name, reason));
  verdict.of_one_account = true;
  return verdict;
}

// What a core gives to its back ends.  All outlive them.
struct BackendParts {
  io::Loop& loop;
  net::Resolver& resolver;
  net::Dialer& dialer;
  AccountStore& store;
  io::Workers& hash_threads;  // for password hashes alone, at low priority
  // For what is asked of the store.  Null: it is a file, which the workers that all share are for.
  io::Workers* store_threads = nullptr;
  [[nodiscard]] io::Workers& store_workers() const {
    return store_threads != nullptr ? *store_threads : loop.platform().workers;
  }
};

// Thread-safe.
class BackendSource {
 public:
  virtual ~BackendSource() = default;
  BackendSource(const BackendSource&) = delete;
  BackendSource& operator=(const BackendSource&) = delete;

  // On the core's thread.  The source outlives it.
  [[nodiscard]] virtual std::unique_ptr<Backend> on_core(const BackendParts& parts) = 0;

 protected:
  BackendSource() = default;
};

}  // namespace sluice::auth
