// The part of CachingAuthenticator about logins that show no password and that the store alone checks: shield and
// answers as for passwords, but no cache, as no two are the same.
#include <utility>

#include "auth/backend/caching_authenticator.h"
#include "engine/base/check.h"

namespace sluice::auth {

// As look_up(): an answer that was found before a change is no answer.
Task<Answer> CachingAuthenticator::ask_store(const AskStore& ask) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const CredentialCache::Ticket begun = cache_.ticket();
    Answer answer = co_await ask();
    if (answer.kind == AnswerKind::unavailable) ++counters_.unavailable;
    if (answer.kind != AnswerKind::granted || begun == cache_.ticket()) co_return answer;
  }
  ++counters_.unavailable;
  co_return Answer::unavailable("accounts were changed again and again while the login was checked");
}

// `proof` tells two attempts apart: for the shield, the same one again is a stale device's.
Task<Answer> CachingAuthenticator::check_proof(const Name& name, const LoginClient& client, std::string_view proof,
                                               const AskStore& ask) {
  ++counters_.asked;
  const auto secret = Secret::make(proof);
  CHECK(secret.has_value());
  const LoginAttempt attempt = shield_.attempt(client.ip, name, cache_.key_of(name, *secret));
  const Shield::Decision decision = shield_.admit(attempt, loop_.now());
  if (refuses(decision.rule)) co_return refuse(decision.rule);
  if (decision.rule != ShieldRule::none) co_await slow(decision);
  ++counters_.checks;
  Answer found = co_await ask_store(ask);
  // A device password may be bound to networks.
  if (found.identity != nullptr && !found.identity->admits(client.ip)) found = Answer::wrong();
  found.source = kStoreSource;
  co_return settle(attempt, decision, std::move(found));
}

Task<Answer> CachingAuthenticator::check_cram_md5(const CramMd5Login& login) {
  // A digest alone may come again, by a client that guesses nothing: it would count once, and go on for ever.
  co_return co_await check_proof(login.name, login.client, login.challenge + login.digest,
                                 [&] { return backends_.check_cram_md5(login); });
}

Task<Answer> CachingAuthenticator::check_certificate(const CertificateLogin& login) {
  co_return co_await check_proof(certificate_login_name(login), login.client, login.fingerprint,
                                 [&] { return backends_.check_certificate(login); });
}

}  // namespace sluice::auth
