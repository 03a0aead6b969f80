// What a check says of a domain's state: whether it is failing, is right again, has lost its proof.  A definite answer
// alone changes a state: where the DNS did not answer, nothing is known.  Pure.  Any thread.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "auth/store/domain_state_admin.h"
#include "engine/base/time.h"
#include "engine/sender_dns/finding.h"

namespace sluice::domain_upkeep {

// A domain is failing once two checks in a row have found something wrong, so far apart at least.
inline constexpr WallMillis kFailingAfter = std::chrono::milliseconds(std::chrono::minutes(30)).count();

// The records by which a domain is judged, beside its proof; the others may say what they like.
struct JudgedRecords {
  bool dkim = true;
  bool spf = true;
  bool dmarc = false;
  bool mx = false;
};
[[nodiscard]] bool is_judged(const sender_dns::Finding& finding, const JudgedRecords& judged);

// "RECORD NAME: what", printable, as long as the store keeps it: what the DNS says may be any bytes.
[[nodiscard]] std::string finding_text(std::string_view record, const sender_dns::Finding& finding);

// What one check came to.
struct CheckOutcome {
  sender_dns::Verdict verdict = sender_dns::Verdict::not_asked;  // right, wrong, or not_asked
  std::string finding;        // "RECORD: NAME: what", the first that is wrong; printable
  bool proof_seen = false;    // of a proven domain
  bool proof_wrong = false;   // likewise: it is not there, or another one
  std::string proof_finding;  // then, in the same form
};
// `findings`: of the domain's records, those alone that are judged; `proof`: of a proven domain's, else null.
[[nodiscard]] CheckOutcome outcome_of(std::span<const sender_dns::Finding> findings, const sender_dns::Finding* proof);

struct StateChange {
  auth::DomainState state;  // to be saved
  // What is to be told:
  bool failing = false;      // it has begun
  bool right_again = false;  // it was failing
  bool proof_gone = false;
  bool proof_back = false;
};
// `before`: as the check found it.  Pure: `now` is when the check was made.
[[nodiscard]] StateChange judge(const auth::DomainState& before, const CheckOutcome& outcome, WallMillis now);

}  // namespace sluice::domain_upkeep
