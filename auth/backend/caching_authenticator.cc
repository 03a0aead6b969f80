#include "auth/backend/caching_authenticator.h"

#include "auth/device_password.h"

namespace sluice::auth {
namespace {

constexpr int kTriesMax = 3;

}  // namespace

CachingAuthenticator::CachingAuthenticator(io::Loop& loop, BackendChain& backends,
                                           std::span<const std::byte, kCacheKeyBytes> process_key,
                                           const CredentialCacheLimits& limits)
    : loop_(loop), backends_(backends), cache_(process_key, limits) {}

namespace {

// A device password may be bound to networks, and what is remembered of it was found out for a client of one.
bool may_be_used(const Identity& identity, const Credentials& credentials) {
  return identity.admits(credentials.client.ip) && (!credentials.device_only || identity.device != nullptr);
}

}  // namespace

Task<Answer> CachingAuthenticator::authenticate(Credentials credentials) {
  // Not remembered: elsewhere the same password may be right.
  if (credentials.device_only && !is_device_password(credentials.secret.reveal())) co_return Answer::wrong();
  Answer answer = co_await find(credentials);
  if (answer.identity != nullptr && !may_be_used(*answer.identity, credentials)) co_return Answer::wrong();
  co_return answer;
}

// An answer that was found before a change is no answer to a session that begins after it: nothing would end that
// session.
Task<Answer> CachingAuthenticator::find(const Credentials& credentials) {
  ++counters_.asked;
  const CredentialKey key = cache_.key_of(credentials.name, credentials.secret);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    if (auto known = cache_.find(key, loop_.now())) {
      ++counters_.from_cache;
      co_return *std::move(known);
    }
    Found found = co_await ask(key, credentials);
    if (found.answer.kind != AnswerKind::granted || found.begun == cache_.ticket()) co_return std::move(found.answer);
  }
  ++counters_.unavailable;
  co_return Answer::unavailable("accounts were changed again and again while the password was checked");
}

Task<CachingAuthenticator::Found> CachingAuthenticator::ask(const CredentialKey& key, const Credentials& credentials) {
  Waiter waiter;
  if (!flight_.join(key, &waiter)) {
    co_await waiter.event.wait("password check of another session");
    co_return std::move(waiter.found);
  }
  ++counters_.checks;
  Found found{.begun = cache_.ticket()};
  found.answer = co_await backends_.check(credentials);
  if (found.answer.kind == AnswerKind::unavailable) ++counters_.unavailable;
  cache_.put(found.begun, key, found.answer, loop_.now());
  for (Waiter* other : flight_.land(key)) {
    if (other == &waiter) continue;
    other->found = found;
    other->event.set();
  }
  co_return found;
}

void CachingAuthenticator::forget(const Changes& changes) {
  if (changes.everything) cache_.forget_all();
  for (const std::string& account : changes.accounts) cache_.forget(account);
  for (const std::int64_t customer : changes.customers) cache_.forget_customer(customer);
}

}  // namespace sluice::auth
