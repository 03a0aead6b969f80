#include "engine/mx/cache.h"

#include <algorithm>
#include <utility>

namespace sluice::mx {

MxCache::Known MxCache::find(const std::string& domain, Instant now) {
  const Known* const known = by_domain_.find(domain);
  return known != nullptr && (*known)->until > now ? *known : nullptr;
}

KnownMx MxCache::make(MxAnswer answer, Instant now) const {
  const bool refused = !answer.found && answer.found.error().permanent;
  const bool failed = !answer.found && !refused;
  const Duration longest = std::max(limits_.keep_min, refused ? limits_.keep_refused_max : limits_.keep_max);
  const Duration ttl = std::chrono::seconds(answer.ttl_s);
  const Duration keep = failed ? limits_.keep_failed : std::clamp(ttl, limits_.keep_min, longest);
  const Instant until = later(now, keep);
  const Instant forgotten_after = answer.found ? later(until, limits_.keep_stale) : until;
  return {.found = std::move(answer.found), .until = until, .stale = false, .forgotten_after = forgotten_after};
}

MxCache::Known MxCache::put(const std::string& domain, MxAnswer answer, Instant now) {
  KnownMx fresh = make(std::move(answer), now);
  if (Known* const entry = by_domain_.find(domain)) {
    Known& known = *entry;
    const bool failed = !fresh.found && !fresh.found.error().permanent;
    if (failed && known->found && known->forgotten_after > now) {
      KnownMx stale = *known;
      stale.until = std::min(fresh.until, stale.forgotten_after);
      stale.stale = true;
      return known = std::make_shared<const KnownMx>(std::move(stale));
    }
    return known = std::make_shared<const KnownMx>(std::move(fresh));
  }
  by_domain_.make_room(limits_.entries_max);
  return by_domain_.insert(domain, std::make_shared<const KnownMx>(std::move(fresh)));
}

}  // namespace sluice::mx
