// Asks a core's credential cache first and the back ends if need be: once for all sessions
// that wait for the same name and secret.  Where a back end is unavailable, what it granted before goes on for the
// cache's grace time.  In front of both is the shield: what it refuses is not looked up at all, and
// no answer that came while it began to refuse is told.
// One per core; that core's thread only.  Outlives its sessions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "auth/authenticator.h"
#include "auth/backend/chain.h"
#include "auth/backend/shared_shield.h"
#include "auth/credential_cache.h"
#include "auth/single_flight.h"
#include "engine/io/loop.h"

namespace sluice::auth {

struct AuthenticatorCounters {
  std::uint64_t asked = 0;
  std::uint64_t from_cache = 0;
  std::uint64_t checks = 0;       // that reached the back ends
  std::uint64_t unavailable = 0;  // no answer
  std::uint64_t in_grace = 0;     // granted without one, as it was before
  // By the shield.
  std::uint64_t refused_by_address = 0;
  std::uint64_t refused_by_network = 0;
  std::uint64_t slowed_by_account = 0;
  std::uint64_t slowed_overall = 0;
};

class CachingAuthenticator final : public Authenticator {
 public:
  // Called when a limit of the shield is reached.
  using Notice = std::function<void(const ShieldEntry& reached)>;

  // `backends` and `shield` outlive this.
  CachingAuthenticator(io::Loop& loop, SharedShield& shield, BackendChain& backends,
                       std::span<const std::byte, kCacheKeyBytes> process_key, const CredentialCacheLimits& limits,
                       Notice notice);

  Task<Answer> authenticate(Credentials credentials) override;
  // caching_authenticator_scram.cc
  [[nodiscard]] bool offers_scram() const override { return scram_ready_; }
  Task<std::expected<ScramKeys, Answer>> scram_keys(const ScramLogin& login) override;
  Task<Answer> judge(const ScramLogin& login, bool proven, std::string_view proof) override;
  // caching_authenticator_proof.cc
  Task<Answer> check_cram_md5(const CramMd5Login& login) override;
  Task<Answer> check_certificate(const CertificateLogin& login) override;
  // What AccountStore::changes_since() returned, brought here by message.
  void forget(const Changes& changes);
  [[nodiscard]] const AuthenticatorCounters& counters() const { return counters_; }
  [[nodiscard]] const CredentialCache& cache() const { return cache_; }

 private:
  struct Found {
    Answer answer;
    CredentialCache::Ticket begun{};  // of the moment when it was asked for
  };
  struct Waiter {
    AsyncEvent event;
    Found found;
  };
  // An account and a client's address that the shield has let through, as one hash, and when.
  struct Passed {
    std::uint64_t tag = 0;
    Instant at;
  };
  static constexpr int kTriesMax = 3;
  Task<Answer> look_up(const CredentialKey& key, const Credentials& credentials);
  Task<Found> ask(const CredentialKey& key, const Credentials& credentials);
  Answer refuse(ShieldRule rule);
  // What the session gets of an answer.
  Answer settle(const LoginAttempt& attempt, const Shield::Decision& admitted, Answer answer);
  using AskStore = std::function<Task<Answer>()>;
  Task<Answer> ask_store(const AskStore& ask);
  Task<Answer> check_proof(const Name& name, const LoginClient& client, std::string_view proof, const AskStore& ask);
  [[nodiscard]] LoginAttempt scram_attempt(const ScramLogin& login, std::string_view proof) const;
  Task<void> slow(const Shield::Decision& decision);
  // Whether the shield need not be asked about a login that the cache grants.
  [[nodiscard]] bool has_passed(std::uint64_t tag) const;

  io::Loop& loop_;
  SharedShield& shield_;
  BackendChain& backends_;
  CredentialCache cache_;
  SingleFlight<CredentialKey, Waiter*> flight_;
  Notice notice_;
  std::vector<Passed> passed_;
  AuthenticatorCounters counters_;
  bool scram_ready_ = false;  // all accounts have keys for it
};

}  // namespace sluice::auth
