// How often the relay looks after its domains: each once in a while, spread over that while, and not more at a time
// than name servers and the store can bear.  Pure.  Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "auth/store/domain_state_admin.h"
#include "auth/store/signing_key.h"
#include "engine/base/time.h"
#include "engine/domain_keys/key_life.h"

namespace sluice::domain_upkeep {

inline constexpr std::size_t kDomainsAtOnce = 8;
// Between the beginnings of two checks.  At most 20 a second: a million domains in half a day.
inline constexpr Duration kPaceLeast = std::chrono::milliseconds(50);
inline constexpr Duration kPaceMost = std::chrono::seconds(10);
// What is waited for in the DNS is looked for again so soon: the proof of a claim in its first day, keys in theirs, a
// key's record that is wrong in the first day that it is.
inline constexpr Duration kLookAgainSoon = std::chrono::minutes(10);

// As the store has times.
constexpr WallMillis in_millis(Duration span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

// A little faster than needed: each domain once in `check_every`, and young claims, of which all are thought to be
// some.
[[nodiscard]] Duration time_between_checks(const auth::DomainStateAdmin::Counts& counts, Duration check_every);

// When a domain is to be looked at again before it is its turn: where something is wrong that was not so before, where
// a key waits to be seen that was made within a day, and where one is kept back whose record is wrong for less.
// Nothing: at its turn.
[[nodiscard]] std::optional<WallMillis> look_again(const auth::DomainState& state, domain_keys::Keys keys,
                                                   Duration check_every, WallMillis now);

}  // namespace sluice::domain_upkeep
