#include "engine/signing/key_cache.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace sluice::signing {
namespace {

using dkim::Algorithm;

// An address literal and the like have no keys, and are no names of files either.
bool may_have_keys(std::string_view domain) {
  constexpr std::size_t kDomainBytesMax = 255;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !domain.empty() && domain.size() <= kDomainBytesMax && std::ranges::all_of(domain, plain) &&
         !domain.starts_with('.') && !domain.ends_with('.') && domain.find("..") == std::string_view::npos;
}

}  // namespace

KeyCache::KeyCache(std::shared_ptr<dkim::KeySource> source, const SigningRules& rules, std::size_t domains_max)
    : source_(std::move(source)), rsa_(rules.rsa), ed25519_(rules.ed25519), domains_max_(domains_max) {
  CHECK(source_ != nullptr && domains_max_ > 0);
}

SharedDomainKeys KeyCache::find(std::string_view domain, Instant now) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (const SharedDomainKeys* known = known_.find(domain); known != nullptr && now < (*known)->until) return *known;
    if (!loading_.contains(domain)) break;
    loaded_.wait(lock);
  }
  const auto loading = loading_.emplace(domain).first;
  lock.unlock();
  SharedDomainKeys keys = load(domain, now);
  lock.lock();
  loading_.erase(loading);
  known_.erase(domain);
  known_.make_room(domains_max_);
  known_.insert(domain, keys);
  loaded_.notify_all();
  return keys;
}

SharedDomainKeys KeyCache::load(std::string_view domain, Instant now) const {
  auto made = std::make_shared<DomainKeys>();
  made->until = now + kTtlWithout;
  if (!may_have_keys(domain)) return made;
  const auto fail = [&](std::string error) {
    made->keys.clear();
    made->error = std::move(error);
    return made;
  };
  auto stored = source_->keys_of(domain);
  if (!stored) return fail(std::move(stored.error()));
  std::ranges::sort(*stored, {}, &dkim::StoredKey::selector);
  for (const dkim::StoredKey& each : *stored) {
    auto key = dkim::parse_key(each.der);
    if (!key) return fail("the key " + each.selector + " of " + std::string(domain) + ": " + key.error());
    const Algorithm algorithm = (*key)->algorithm();
    const bool wanted = algorithm == Algorithm::rsa_sha256 ? rsa_ : ed25519_;
    const auto same = [&](const SigningKey& other) { return other.key->algorithm() == algorithm; };
    if (!wanted || std::ranges::any_of(made->keys, same)) continue;
    auto signatory = dkim::Signatory::make(domain, each.selector);
    if (!signatory) return fail(std::move(signatory.error()));
    made->keys.push_back({.signatory = *std::move(signatory), .key = *std::move(key)});
  }
  std::ranges::sort(made->keys, {}, [](const SigningKey& each) { return each.key->algorithm(); });
  if (stored->empty()) made->kept_back = source_->why_none(domain);
  if (!made->keys.empty()) made->until = now + kTtl;
  return made;
}

}  // namespace sluice::signing
