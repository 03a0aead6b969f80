// The keys of the domains that have sent lately, parsed, for all cores: what a source of keys has is read again after a
// minute, so that a key that is added, replaced or taken away there counts by then.  A domain without keys, and one
// whose keys cannot be had, is asked about again sooner.  Bounded by the number of domains: the one that was longest
// unused goes first.  What customers have chosen is kept among them.
// Any thread; find() blocks and is a worker's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/lru_map.h"
#include "engine/dkim/key_source.h"
#include "engine/signing/domain_keys.h"
#include "engine/signing/rules.h"

namespace sluice::signing {

class KeyCache {
 public:
  static constexpr Duration kTtl = std::chrono::minutes(1);
  static constexpr Duration kTtlWithout = std::chrono::seconds(10);

  // `domains_max`: at least 1.  Of a domain's keys those are used that `rules` names.
  KeyCache(std::shared_ptr<dkim::KeySource> source, const SigningRules& rules, std::size_t domains_max);
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;

  // Never null.  `now`: of a core's loop.  A caller waits while another one has the same owner's keys read.
  [[nodiscard]] SharedDomainKeys find(const KeyOwner& owner, Instant now);

 private:
  [[nodiscard]] SharedDomainKeys load(const KeyOwner& owner, Instant now);
  void read(std::string_view domain, DomainKeys& made) const;

  std::shared_ptr<dkim::KeySource> source_;
  bool rsa_;
  bool ed25519_;
  std::size_t domains_max_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::set<std::string, std::less<>> loading_;
  LruMap<SharedDomainKeys> known_;
};

}  // namespace sluice::signing
