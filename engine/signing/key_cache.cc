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

SharedDomainKeys KeyCache::find(const KeyOwner& owner, Instant now) {
  const std::string key = owner.key();
  std::unique_lock lock(mutex_);
  for (;;) {
    if (const SharedDomainKeys* known = known_.find(key); known != nullptr && now < (*known)->until) return *known;
    if (!loading_.contains(key)) break;
    loaded_.wait(lock);
  }
  const auto loading = loading_.emplace(key).first;
  lock.unlock();
  SharedDomainKeys keys = load(owner, now);
  lock.lock();
  loading_.erase(loading);
  known_.erase(key);
  known_.make_room(domains_max_);
  known_.insert(key, keys);
  loaded_.notify_all();
  return keys;
}

// Where keys cannot be had, or are kept back, the search ends: no other domain's stand in for those of a domain that
// has some, so that what is wrong with them is seen, and its mail goes by the rule for that.
SharedDomainKeys KeyCache::load(const KeyOwner& owner, Instant now) {
  auto made = std::make_shared<DomainKeys>();
  std::vector<std::string> others;
  if (owner.kind == KeyOwner::Kind::customer) {
    const auto choice = source_->choice_of(owner.name);
    if (!choice) made->error = choice.error();
    if (choice && !choice->empty()) others.push_back(*choice);
  } else if (may_have_keys(owner.name)) {
    read(owner.name, *made);
    if (owner.kind == KeyOwner::Kind::author && made->nothing()) {
      auto parents = source_->parents_of(owner.name);
      if (!parents) made->error = parents.error();
      if (parents) others = *std::move(parents);
    }
  }
  for (const std::string& other : others) {
    // Its keys are read and held once, however many names below it send.
    SharedDomainKeys theirs = find({.kind = KeyOwner::Kind::domain, .name = other}, now);
    if (theirs->nothing()) continue;
    if (theirs->kept_back.empty()) return theirs;
    made->kept_back = other + ", which signs in its place: " + theirs->kept_back;
    break;
  }
  made->until = now + (made->keys.empty() ? kTtlWithout : kTtl);
  return made;
}

// Of that very domain.
void KeyCache::read(std::string_view domain, DomainKeys& made) const {
  const auto fail = [&made](std::string error) {
    made.keys.clear();
    made.error = std::move(error);
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
    if (!wanted || std::ranges::any_of(made.keys, same)) continue;
    auto signatory = dkim::Signatory::make(domain, each.selector);
    if (!signatory) return fail(std::move(signatory.error()));
    made.keys.push_back({.signatory = *std::move(signatory), .key = *std::move(key)});
  }
  std::ranges::sort(made.keys, {}, [](const SigningKey& each) { return each.key->algorithm(); });
  if (stored->empty()) made.kept_back = source_->why_none(domain);
  if (!made.keys.empty()) made.domain = domain;
}

}  // namespace sluice::signing
