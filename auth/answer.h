// What a check of credentials came to. A value; made by a back end (worker thread) or by the cache
// (core), mapped to a reply by the session:
//   granted      235 2.7.0
//   wrong        535 5.7.8, the same for an unknown name and a wrong password
//   suspended    535 5.7.8 or 525 5.7.13 with the reason; only behind the right password
//   unavailable  454 4.7.0; never cached
//   refused      454 4.7.0 by the shield (shield.h), whatever the secret; never cached
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "auth/identity.h"
#include "engine/base/time.h"

namespace sluice::auth {

// Who has answered, for those who count: nobody, as of a login that the shield refused; the store of accounts where it
// was asked itself, for device passwords, SCRAM, CRAM-MD5 and EXTERNAL; or a back end, by its place in the
// configuration.
inline constexpr std::uint8_t kNoSource = 0;
inline constexpr std::uint8_t kStoreSource = 1;
inline constexpr std::uint8_t kFirstBackendSource = 2;

enum class AnswerKind : std::uint8_t { granted, wrong, suspended, unavailable, refused };

struct Answer {
  AnswerKind kind = AnswerKind::unavailable;
  IdentityRef identity;  // granted: always set; suspended: set where the back end has it; else null
  // suspended: clean text for the customer; else for the operator's log only.
  std::string reason;
  Instant valid_until = Instant::max();  // of granted: not to be remembered for longer
  // Who says so: 0: the store, of device passwords; 1 and up: the back ends in the order in which they are asked.
  std::uint16_t backend = 0;
  std::uint8_t source = kNoSource;
  bool grace = false;  // granted because it was before, while that back end is unavailable
  // Of granted: Shield::Decision::account_failures before this login.
  std::uint32_t failures_before = 0;

  [[nodiscard]] static Answer granted(IdentityRef identity) {
    return {.kind = AnswerKind::granted, .identity = std::move(identity), .reason = {}};
  }
  [[nodiscard]] static Answer wrong() { return {.kind = AnswerKind::wrong, .identity = nullptr, .reason = {}}; }
  [[nodiscard]] static Answer wrong_by(std::uint8_t source) {
    Answer answer = wrong();
    answer.source = source;
    return answer;
  }
  [[nodiscard]] static Answer suspended(std::string reason, IdentityRef identity = nullptr) {
    return {.kind = AnswerKind::suspended, .identity = std::move(identity), .reason = std::move(reason)};
  }
  [[nodiscard]] static Answer unavailable(std::string reason) {
    return {.kind = AnswerKind::unavailable, .identity = nullptr, .reason = std::move(reason)};
  }
  [[nodiscard]] static Answer refused(std::string reason) {
    return {.kind = AnswerKind::refused, .identity = nullptr, .reason = std::move(reason)};
  }
};

}  // namespace sluice::auth
