#include "engine/domain_upkeep/pace.h"

#include <algorithm>

#include "engine/domain_upkeep/domain_state.h"

namespace sluice::domain_upkeep {
namespace {

constexpr Duration kDay = std::chrono::days(1);

}  // namespace

Duration time_between_checks(const auth::DomainStateAdmin::Counts& counts, Duration check_every) {
  constexpr Duration::rep kParts = 10;
  constexpr Duration::rep kPartsUsed = 9;
  const auto domains =
      static_cast<Duration::rep>(std::max<std::uint64_t>(1, counts.asserted + counts.proven + counts.failing));
  const Duration for_domains = check_every / domains;
  const auto claims = static_cast<Duration::rep>(counts.claims);
  const Duration for_claims = claims == 0 ? check_every : std::min(kLookAgainSoon, check_every) / claims;
  return std::clamp(std::min(for_domains, for_claims) / kParts * kPartsUsed, kPaceLeast, kPaceMost);
}

std::optional<WallMillis> look_again(const auth::DomainState& state, domain_keys::Keys keys, Duration check_every,
                                     WallMillis now) {
  const WallMillis turn = now + in_millis(check_every);
  WallMillis at = turn;
  if (state.verdict == "wrong" && state.failing_since == 0) at = std::min(at, state.checked + kFailingAfter);
  const WallMillis day = in_millis(kDay);
  for (const auth::SigningKeyRecord& key : keys) {
    if ((key.state == auth::KeyState::published && now - key.created < day) ||
        (key.fit.kept_back && now - key.fit.wrong_since < day))
      at = std::min(at, now + in_millis(kLookAgainSoon));
    if (key.fit.wrong_since != 0 && !key.fit.kept_back) at = std::min(at, key.fit.wrong_since + kFailingAfter);
  }
  if (at == turn) return std::nullopt;
  // Not at once, where the DNS does not answer.
  return std::max(at, now + in_millis(kLookAgainSoon));
}

}  // namespace sluice::domain_upkeep
