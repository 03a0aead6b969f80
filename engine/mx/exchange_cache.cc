#include "engine/mx/exchange_cache.h"

#include <algorithm>
#include <utility>

namespace sluice::mx {

ExchangeCache::Known ExchangeCache::find(const std::string& domain, Instant now) {
  const Known* const known = by_domain_.find(domain);
  return known != nullptr && (*known)->until > now ? *known : nullptr;
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
  if (Known* const entry = by_domain_.find(domain)) {
    Known& known = *entry;
    const bool failed = !fresh.found && !fresh.found.error().permanent;
    if (failed && known->found && known->forgotten_after > now) {
      KnownExchange stale = *known;
      stale.until = std::min(fresh.until, stale.forgotten_after);
      stale.stale = true;
      return known = std::make_shared<const KnownExchange>(std::move(stale));
    }
    return known = std::make_shared<const KnownExchange>(std::move(fresh));
  }
  by_domain_.make_room(limits_.entries_max);
  return by_domain_.insert(domain, std::make_shared<const KnownExchange>(std::move(fresh)));
}

}  // namespace sluice::mx
