#include "engine/domain_upkeep/key_fit.h"

#include "engine/domain_keys/key_life.h"
#include "engine/domain_upkeep/domain_state.h"

namespace sluice::domain_upkeep {

bool is_to_sign(const auth::SigningKeyRecord& key, WallMillis now) {
  return key.state == auth::KeyState::active || domain_keys::signs(key, now);
}

auth::KeyFit fit_of(const auth::SigningKeyRecord& key, sender_dns::Verdict verdict, WallMillis now) {
  using sender_dns::Verdict;
  if (!is_to_sign(key, now)) return {};
  auth::KeyFit fit = key.fit;
  switch (verdict) {
    case Verdict::right:
      return {};
    case Verdict::not_asked:
      return fit;
    case Verdict::wrong:
    case Verdict::missing:
      break;
  }
  // The clock may have been set back.
  const bool first = fit.wrong_since == 0 || fit.wrong_since > now;
  if (first) fit.wrong_since = now;
  fit.kept_back = fit.kept_back || (!first && now - fit.wrong_since >= kFailingAfter);
  return fit;
}

}  // namespace sluice::domain_upkeep
