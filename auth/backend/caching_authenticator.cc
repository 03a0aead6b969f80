#include "auth/backend/caching_authenticator.h"

#include <functional>
#include <string>

#include "auth/device_password.h"

namespace sluice::auth {
namespace {

// How long a core lets a login pass without asking the shield, once that has let it through.
constexpr Duration kPassedFor = std::chrono::minutes(1);
constexpr std::size_t kPassedMax = 4096;

std::uint64_t tag_of(const CredentialKey& key, std::string_view ip) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return key.account ^ (std::hash<std::string_view>()(ip) * kOdd);
}

// A device password may be bound to networks, and what is remembered of it was found out for a client of one.  On a
// listener that takes device passwords alone, no other is good; that is not remembered, as it may be right elsewhere.
bool may_be_used(const Answer& answer, const Credentials& credentials) {
  if (answer.identity == nullptr) return true;
  return answer.identity->admits(credentials.client.ip) &&
         (!credentials.device_only || answer.identity->device != nullptr);
}

std::string reason_of(ShieldRule rule) {
  return (refuses(rule) ? "shield: " : "shield: slowed by ") + std::string(rule_name(rule));
}

}  // namespace

CachingAuthenticator::CachingAuthenticator(io::Loop& loop, SharedShield& shield, BackendChain& backends,
                                           std::span<const std::byte, kCacheKeyBytes> process_key,
                                           const CredentialCacheLimits& limits, Notice notice)
    : loop_(loop),
      shield_(shield),
      backends_(backends),
      cache_(process_key, limits),
      notice_(std::move(notice)),
      passed_(kPassedMax) {}

bool CachingAuthenticator::has_passed(std::uint64_t tag) const {
  const Passed& passed = passed_[tag % passed_.size()];
  return passed.tag == tag && loop_.now() - passed.at < kPassedFor;
}

Task<Answer> CachingAuthenticator::authenticate(Credentials credentials) {
  ++counters_.asked;
  const CredentialKey key =
      cache_.key_of(credentials.name, credentials.secret, credentials.backends, credentials.bearer);
  const std::uint64_t tag = tag_of(key, credentials.client.ip);
  auto known = cache_.find(key, loop_.now());
  const bool grants = known && known->kind == AnswerKind::granted && may_be_used(*known, credentials);
  if (grants && has_passed(tag)) {
    ++counters_.from_cache;
    co_return *std::move(known);
  }
  const LoginAttempt attempt = shield_.attempt(credentials.client.ip, credentials.name, key);
  const Shield::Decision decision = shield_.admit(attempt, loop_.now());
  if (refuses(decision.rule)) co_return refuse(decision.rule);
  if (decision.rule != ShieldRule::none && !grants) co_await slow(decision);
  const bool of_use =
      !credentials.device_only || (!credentials.bearer && is_device_password(credentials.secret.reveal()));
  Answer found = of_use ? co_await look_up(key, credentials) : Answer::wrong();
  if (!may_be_used(found, credentials)) found = Answer::wrong_by(found.source);
  Answer answer = settle(attempt, decision, std::move(found));
  if (answer.grace && answer.kind == AnswerKind::granted) ++counters_.in_grace;
  if (answer.kind == AnswerKind::granted) passed_[tag % passed_.size()] = {.tag = tag, .at = loop_.now()};
  co_return answer;
}

Task<void> CachingAuthenticator::slow(const Shield::Decision& decision) {
  ++(decision.rule == ShieldRule::account ? counters_.slowed_by_account : counters_.slowed_overall);
  co_await loop_.sleep(decision.delay, "a login that the shield slows");
}

Answer CachingAuthenticator::refuse(ShieldRule rule) {
  ++(rule == ShieldRule::address ? counters_.refused_by_address : counters_.refused_by_network);
  return Answer::refused(reason_of(rule));
}

// Guesses that are checked at the same time must not tell more than those that the limit allows: at the limit neither
// a wrong secret nor a right one is told, whatever was found out.
Answer CachingAuthenticator::settle(const LoginAttempt& attempt, const Shield::Decision& admitted, Answer answer) {
  ShieldRule refused_by = ShieldRule::none;
  switch (answer.kind) {
    case AnswerKind::granted:
      refused_by = shield_.granted(attempt, loop_.now());
      answer.failures_before = admitted.account_failures;
      break;
    case AnswerKind::wrong: {
      const Shield::Counted counted = shield_.failed(attempt, loop_.now());
      for (const ShieldEntry& reached : counted.reached) notice_(reached);
      refused_by = counted.refused;
      if (admitted.rule != ShieldRule::none)
        answer.reason = reason_of(admitted.rule) + (answer.reason.empty() ? "" : "; ") + answer.reason;
      break;
    }
    case AnswerKind::suspended: {
      const ShieldRule rule = shield_.admit(attempt, loop_.now()).rule;
      if (refuses(rule)) refused_by = rule;
      break;
    }
    case AnswerKind::unavailable:
    case AnswerKind::refused:
      break;
  }
  return refused_by == ShieldRule::none ? std::move(answer) : refuse(refused_by);
}

// An answer that was found before a change is no answer to a session that begins after it: nothing would end that
// session.
Task<Answer> CachingAuthenticator::look_up(const CredentialKey& key, const Credentials& credentials) {
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
  if (found.answer.kind == AnswerKind::unavailable) {
    ++counters_.unavailable;
    // A token has an end of its own.
    if (auto before =
            credentials.bearer ? std::nullopt : cache_.find_in_grace(key, found.answer.backend, loop_.now())) {
      before->reason = "grace: " + found.answer.reason;
      found.answer = *std::move(before);
      // Of this moment: what was forgotten meanwhile is not found.
      found.begun = cache_.ticket();
    }
  }
  if (!found.answer.grace) cache_.put(found.begun, key, found.answer, loop_.now());
  for (Waiter* other : flight_.land(key)) {
    if (other == &waiter) continue;
    other->found = found;
    other->event.set();
  }
  co_return found;
}

void CachingAuthenticator::forget(const Changes& changes) {
  if (changes.without_scram) scram_ready_ = *changes.without_scram == 0;
  if (changes.everything) cache_.forget_all();
  for (const std::string& account : changes.accounts) cache_.forget(account);
  for (const std::int64_t customer : changes.customers) cache_.forget_customer(customer);
}

}  // namespace sluice::auth
