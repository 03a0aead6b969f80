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

Task<Answer> CachingAuthenticator::check_cram_md5(const CramMd5Login& login) {
  ++counters_.asked;
  const auto secret = Secret::make(login.digest);
  CHECK(secret.has_value());
  const LoginAttempt attempt = shield_.attempt(login.client.ip, login.name, cache_.key_of(login.name, *secret));
  const Shield::Decision decision = shield_.admit(attempt, loop_.now());
  if (refuses(decision.rule)) co_return refuse(decision.rule);
  if (decision.rule != ShieldRule::none) co_await slow(decision);
  ++counters_.checks;
  Answer found = co_await ask_store([&] { return backends_.check_cram_md5(login); });
  // A device password may be bound to networks.
  if (found.identity != nullptr && !found.identity->admits(login.client.ip)) found = Answer::wrong();
  co_return settle(attempt, decision.rule, std::move(found));
}

}  // namespace sluice::auth
