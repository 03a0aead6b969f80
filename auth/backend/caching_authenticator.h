// Asks a core's credential cache first and the back ends if need be: once for all sessions
// that wait for the same name and secret.
// One per core; that core's thread only.  Outlives its sessions.
#pragma once

#include <cstdint>
#include <memory>

#include "auth/authenticator.h"
#include "auth/backend/chain.h"
#include "auth/credential_cache.h"
#include "auth/single_flight.h"
#include "engine/io/loop.h"

namespace sluice::auth {

struct AuthenticatorCounters {
  std::uint64_t asked = 0;
  std::uint64_t from_cache = 0;
  std::uint64_t checks = 0;       // that reached the back ends
  std::uint64_t unavailable = 0;  // no answer
};

class CachingAuthenticator final : public Authenticator {
 public:
  // `backends` outlive this.
  CachingAuthenticator(io::Loop& loop, BackendChain& backends, std::span<const std::byte, kCacheKeyBytes> process_key,
                       const CredentialCacheLimits& limits);

  Task<Answer> authenticate(Credentials credentials) override;
  // What AccountStore::changes_since() returned, brought here by message.
  void forget(const Changes& changes);
  [[nodiscard]] const AuthenticatorCounters& counters() const { return counters_; }

 private:
  struct Found {
    Answer answer;
    CredentialCache::Ticket begun{};  // of the moment when it was asked for
  };
  struct Waiter {
    AsyncEvent event;
    Found found;
  };
  Task<Answer> find(const Credentials& credentials);
  Task<Found> ask(const CredentialKey& key, const Credentials& credentials);

  io::Loop& loop_;
  BackendChain& backends_;
  CredentialCache cache_;
  SingleFlight<CredentialKey, Waiter*> flight_;
  AuthenticatorCounters counters_;
};

}  // namespace sluice::auth
