// The part of CachingAuthenticator about SCRAM: shield and answers as for passwords, but no cache, as no two proofs are
// the same.  So a stale device that comes again and again counts each time, where by PLAIN its secret, which is the
// same each time, counts once.  A wrong proof is an HMAC under keys that we do not have, over nonces of which one is
// ours: nothing of it tells that two of them are of one password, and what a client repeats of its own accord (its
// nonce, its address) a guesser can repeat, too.  Only the keys of the password before would tell, kept beside the new
// ones and with their salt, since the client is told one salt: the store would hold what the old password logged in
// with.
#include <utility>

#include "auth/backend/caching_authenticator.h"
#include "engine/base/check.h"

namespace sluice::auth {

LoginAttempt CachingAuthenticator::scram_attempt(const ScramLogin& login, std::string_view proof) const {
  const auto secret = Secret::make(proof);
  CHECK(secret.has_value());
  return shield_.attempt(login.client.ip, login.name, cache_.key_of(login.name, *secret));
}

Task<std::expected<ScramKeys, Answer>> CachingAuthenticator::scram_keys(const ScramLogin& login) {
  ++counters_.asked;
  const ShieldRule rule = shield_.admit(scram_attempt(login, "?"), loop_.now()).rule;
  if (refuses(rule)) co_return std::unexpected(refuse(rule));
  ++counters_.checks;
  auto keys = co_await backends_.scram_keys(login);
  if (!keys) {
    ++counters_.unavailable;
    keys.error().source = kStoreSource;
  }
  co_return keys;
}

Task<Answer> CachingAuthenticator::judge(const ScramLogin& login, bool proven, std::string_view proof) {
  const LoginAttempt attempt = scram_attempt(login, proof);
  const Shield::Decision decision = shield_.admit(attempt, loop_.now());
  if (refuses(decision.rule)) co_return refuse(decision.rule);
  if (decision.rule != ShieldRule::none) co_await slow(decision);
  Answer found = Answer::wrong();
  if (proven) found = co_await ask_store([&] { return backends_.admit_scram(login); });
  found.source = kStoreSource;
  co_return settle(attempt, decision, std::move(found));
}

}  // namespace sluice::auth
