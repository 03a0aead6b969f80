#include "engine/domain_upkeep/domain_state.h"

#include <algorithm>
#include <string_view>

#include "engine/base/cut_text.h"
#include "engine/text/escape.h"
#include "engine/text/table_text.h"

namespace sluice::domain_upkeep {
namespace {

using sender_dns::Finding;
using sender_dns::Verdict;

constexpr std::string_view kProofBegins = "proof: ";

bool is_bad(const Finding& finding) { return finding.verdict == Verdict::wrong || finding.verdict == Verdict::missing; }

bool names_proof(const auth::DomainState& state) { return state.finding.starts_with(kProofBegins); }

}  // namespace

std::string finding_text(std::string_view record, const Finding& finding) {
  const std::string text = text::printable(std::string(record) + finding.name + ": " + finding.what);
  return std::string(cut_text(text, auth::kDomainFindingBytesMax));
}

bool is_judged(const Finding& finding, const JudgedRecords& judged) {
  const std::string_view record = finding.record;
  return (judged.dkim && record.starts_with("DKIM ")) || (judged.spf && record == "SPF") ||
         (judged.dmarc && record == "DMARC") || (judged.mx && record == "MX");
}

CheckOutcome outcome_of(std::span<const Finding> findings, const Finding* proof) {
  CheckOutcome outcome;
  const auto bad = std::ranges::find_if(findings, is_bad);
  const auto unknown = std::ranges::find(findings, Verdict::not_asked, &Finding::verdict);
  const bool proof_unknown = proof != nullptr && proof->verdict == Verdict::not_asked;
  outcome.proof_seen = proof != nullptr && proof->verdict == Verdict::right;
  outcome.proof_wrong = proof != nullptr && is_bad(*proof);
  if (bad != findings.end()) outcome.finding = finding_text(bad->record + ": ", *bad);
  if (outcome.proof_wrong) outcome.proof_finding = finding_text(kProofBegins, *proof);
  if (bad != findings.end() || outcome.proof_wrong) {
    outcome.verdict = Verdict::wrong;
  } else if (unknown == findings.end() && !proof_unknown) {
    outcome.verdict = Verdict::right;
  }
  return outcome;
}

StateChange judge(const auth::DomainState& before, const CheckOutcome& outcome, WallMillis now) {
  StateChange change{.state = before};
  auth::DomainState& after = change.state;
  const bool long_enough = before.checked != 0 && now - before.checked >= kFailingAfter;
  // The check before has not seen it either.
  const bool proof_gone = outcome.proof_wrong && long_enough && before.proof_seen < before.checked;
  if (outcome.proof_seen) after.proof_seen = now;
  change.proof_back =
      outcome.proof_seen && outcome.verdict != Verdict::not_asked && before.failing_since != 0 && names_proof(before);
  switch (outcome.verdict) {
    case Verdict::wrong:
    case Verdict::missing:
      break;
    case Verdict::right:
      after.verdict = "right";
      after.finding.clear();
      after.checked = now;
      after.failing_since = 0;
      change.right_again = before.failing_since != 0;
      return change;
    case Verdict::not_asked:
      if (before.verdict.empty()) after.verdict = "unknown";
      return change;
  }
  const bool wrong_before = before.verdict == "wrong";
  if (!wrong_before || long_enough || before.failing_since != 0) after.checked = now;
  after.verdict = "wrong";
  const bool tells_proof = proof_gone || outcome.finding.empty();
  after.finding = tells_proof ? outcome.proof_finding : outcome.finding;
  if (before.failing_since == 0 && wrong_before && long_enough) {
    after.failing_since = before.checked;
    change.failing = true;
  }
  change.proof_gone = proof_gone && (before.failing_since == 0 || !names_proof(before));
  return change;
}

}  // namespace sluice::domain_upkeep
