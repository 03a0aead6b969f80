#include "engine/mx/exchange_cache.h"

#include <algorithm>
#include <utility>

namespace sluice::mx {

ExchangeCache::Known ExchangeCache::find(const std::string& domain, Instant now) {
  const auto it = by_domain_.find(domain);
  if (it == by_domain_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  const Known& known = it->second->known;
  return known->until > now ? known : nullptr;
}

KnownExchange ExchangeCache::make(Exchange answer, Instant now) const {
  const bool refused = !answer.found && answer.found.error().permanent;
  const bool failed = !answer.found && !refused;
  const Duration longest = std::max(limits_.keep_min, refused ? limits_.keep_refused_max : limits_.keep_max);
  const Duration told = std::chrono::seconds(answer.ttl_s);
  const Duration keep = failed ? limits_.keep_failed : std::clamp(told, limits_.keep_min, longest);
  const Instant until = later(now, keep);
  const Instant forgotten_after = answer.found ? later(until, limits_.keep_stale) : until;
  return {.found = std::move(answer.found), .until = until, .stale = false, .forgotten_after = forgotten_after};
}

ExchangeCache::Known ExchangeCache::put(const std::string& domain, Exchange answer, Instant now) {
  KnownExchange fresh = make(std::move(answer), now);
  const auto it = by_domain_.find(domain);
  if (it != by_domain_.end()) {
    Known& known = it->second->known;
    const bool failed = !fresh.found && !fresh.found.error().permanent;
    if (failed && known->found && known->forgotten_after > now) {
      KnownExchange stale = *known;
      stale.until = std::min(fresh.until, stale.forgotten_after);
      stale.stale = true;
      return known = std::make_shared<const KnownExchange>(std::move(stale));
    }
    return known = std::make_shared<const KnownExchange>(std::move(fresh));
  }
  if (by_domain_.size() >= limits_.entries_max && !entries_.empty()) {
    by_domain_.erase(entries_.back().domain);
    entries_.pop_back();
  }
  entries_.push_front({domain, std::make_shared<const KnownExchange>(std::move(fresh))});
  by_domain_.emplace(entries_.front().domain, entries_.begin());
  return entries_.front().known;
}

}  // namespace sluice::mx
