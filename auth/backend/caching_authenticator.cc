#include "auth/backend/caching_authenticator.h"

namespace sluice::auth {

CachingAuthenticator::CachingAuthenticator(io::Loop& loop, Backend& backend,
                                           std::span<const std::byte, kCacheKeyOctets> process_key,
                                           const CredentialCacheLimits& limits)
    : loop_(loop), backend_(backend), cache_(process_key, limits) {}

Task<Answer> CachingAuthenticator::authenticate(Credentials credentials) {
  ++counters_.asked;
  const CredentialKey key = cache_.key_of(credentials.name, credentials.secret);
  if (auto known = cache_.find(key, loop_.now())) {
    ++counters_.from_cache;
    co_return *std::move(known);
  }
  Waiter waiter;
  if (!flight_.join(key, &waiter)) {
    co_await waiter.gate.wait("password check of another session");
    co_return std::move(waiter.answer);
  }
  ++counters_.checks;
  const CredentialCache::Ticket ticket = cache_.ticket();
  const WallMillis now = loop_.door().clock.wall();
  // The credentials stay in this frame, which outlives the job.
  auto checked = co_await io::run_on_worker<Answer>(
      loop_, [&] { return backend_.check(credentials.name, credentials.secret, now); },
      "password check");
  Answer answer = checked ? *std::move(checked) : Answer::unavailable("too many password checks wait");
  if (answer.kind == AnswerKind::unavailable) ++counters_.unavailable;
  cache_.put(ticket, key, answer, loop_.now());
  for (Waiter* other : flight_.land(key)) {
    if (other == &waiter) continue;
    other->answer = answer;
    other->gate.open();
  }
  co_return answer;
}

void CachingAuthenticator::forget(const Changes& changes) {
  if (changes.everything) cache_.forget_all();
  for (const std::string& account : changes.accounts) cache_.forget(account);
  for (const std::int64_t customer : changes.customers) cache_.forget_customer(customer);
}

}  // namespace sluice::auth
