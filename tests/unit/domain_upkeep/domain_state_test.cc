#include "engine/domain_upkeep/domain_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/domain_upkeep/upkeep_world.h"

namespace sluice::domain_upkeep {
namespace {

using sender_dns::Finding;
using sender_dns::Verdict;
using ::testing::IsEmpty;

constexpr WallMillis kHalfHour = kFailingAfter;

CheckOutcome wrong(const std::string& finding = "SPF: example.com: there is none") {
  return {.verdict = Verdict::wrong, .finding = finding};
}
CheckOutcome without_proof(const std::string& finding = "") {
  return {.verdict = Verdict::wrong, .finding = finding, .proof_wrong = true, .proof_finding = "proof: there is none"};
}

// A domain, and what its checks have reported of it.
class Checked {
 public:
  void check(const CheckOutcome& outcome, WallMillis at) {
    const StateChange change = judge(state, outcome, kFirstMoment + at);
    state = change.state;
    if (change.failing) reported += "failing ";
    if (change.right_again) reported += "right ";
    if (change.proof_gone) reported += "gone ";
    if (change.proof_back) reported += "back ";
  }
  auth::DomainState state{.domain = "example.com", .customer = "Acme"};
  std::string reported;
};

TEST(DomainState, FailsBehindTwoChecksInARowThatAreFarEnoughApart) {
  Checked one;
  one.check(wrong(), 0);
  EXPECT_EQ(one.reported, "");
  EXPECT_EQ(one.state.verdict, "wrong");
  EXPECT_EQ(one.state.failing_since, 0);
  // Too soon, however often.
  for (WallMillis at = 60'000; at < kHalfHour; at += 60'000) one.check(wrong(), at);
  EXPECT_EQ(one.reported, "");
  one.check(wrong(), kHalfHour);
  EXPECT_EQ(one.reported, "failing ");
  EXPECT_EQ(one.state.failing_since, kFirstMoment);
  EXPECT_EQ(one.state.checked, kFirstMoment + kHalfHour);
  one.check(wrong(), 3 * kHalfHour);
  EXPECT_EQ(one.reported, "failing ");
  EXPECT_EQ(one.state.failing_since, kFirstMoment);
}

TEST(DomainState, OneRightCheckBeginsAnew) {
  Checked one;
  one.check(wrong(), 0);
  one.check({.verdict = Verdict::right}, kHalfHour);
  one.check(wrong(), 2 * kHalfHour);
  EXPECT_EQ(one.reported, "");
  one.check(wrong(), 3 * kHalfHour);
  EXPECT_EQ(one.reported, "failing ");
  one.check({.verdict = Verdict::right}, 4 * kHalfHour);
  EXPECT_EQ(one.reported, "failing right ");
  EXPECT_EQ(one.state.failing_since, 0);
  EXPECT_EQ(one.state.finding, "");
  one.check({.verdict = Verdict::right}, 5 * kHalfHour);
  EXPECT_EQ(one.reported, "failing right ");
}

TEST(DomainState, NoAnswerChangesNothing) {
  Checked one;
  one.check({}, 0);
  EXPECT_EQ(one.state.verdict, "unknown");
  EXPECT_EQ(one.state.checked, 0);
  one.check(wrong(), 0);
  for (WallMillis at = 1; at < 10; ++at) one.check({}, at * kHalfHour);
  EXPECT_EQ(one.reported, "");
  EXPECT_EQ(one.state.verdict, "wrong");
  EXPECT_EQ(one.state.checked, kFirstMoment);
  one.check(wrong(), 10 * kHalfHour);
  EXPECT_EQ(one.reported, "failing ");
  one.check({}, 11 * kHalfHour);
  EXPECT_EQ(one.state.failing_since, kFirstMoment);
  EXPECT_EQ(one.reported, "failing ");
}

TEST(DomainState, AProofThatIsGoneIsToldOfOnceAndWhenItIsBack) {
  Checked one;
  one.state.proven = true;
  one.state.proof_seen = kFirstMoment;
  one.check({.verdict = Verdict::right, .proof_seen = true}, 0);
  one.check(without_proof(), kHalfHour);
  EXPECT_EQ(one.reported, "");
  one.check(without_proof(), 2 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone ");
  EXPECT_EQ(one.state.finding, "proof: there is none");
  one.check(without_proof(), 3 * kHalfHour);
  one.check(without_proof(), 4 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone ");
  one.check({.verdict = Verdict::right, .proof_seen = true}, 5 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone right back ");
  EXPECT_EQ(one.state.proof_seen, kFirstMoment + 5 * kHalfHour);
}

TEST(DomainState, AProofThatGoesWhileAnotherRecordIsWrongIsToldOf) {
  Checked one;
  one.state.proven = true;
  const CheckOutcome with_proof{.verdict = Verdict::wrong, .finding = "SPF: no", .proof_seen = true};
  one.check(with_proof, 0);
  one.check(with_proof, kHalfHour);
  one.check(without_proof("SPF: no"), 2 * kHalfHour);
  EXPECT_EQ(one.reported, "failing ");
  EXPECT_EQ(one.state.finding, "SPF: no");
  one.check(without_proof("SPF: no"), 3 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone ");
  one.check(without_proof("SPF: no"), 4 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone ");
  one.check(with_proof, 5 * kHalfHour);
  EXPECT_EQ(one.reported, "failing gone back ");
  EXPECT_EQ(one.state.finding, "SPF: no");
}

TEST(DomainState, ThoseRecordsAloneAreJudgedThatAreToBe) {
  const std::string names[] = {"DKIM sl1r", "SPF", "DMARC", "MX"};
  const auto judged = [&names](const JudgedRecords& records) {
    std::string all;
    for (const std::string& name : names) all += is_judged({.record = name}, records) ? '+' : '-';
    return all;
  };
  EXPECT_EQ(judged({}), "++--");
  EXPECT_EQ(judged({.dkim = false, .spf = false, .dmarc = true, .mx = true}), "--++");
}

TEST(DomainState, AnOutcomeIsTheWorstOfWhatWasFound) {
  const Finding right{.record = "SPF", .name = "example.com"};
  const Finding missing{.record = "DMARC", .name = "_dmarc.example.com", .verdict = Verdict::missing, .what = "no\n"};
  const Finding silent{.record = "MX", .name = "example.com", .verdict = Verdict::not_asked, .what = "SERVFAIL"};
  const Finding proof{.record = "proof", .name = "_proof.example.com", .verdict = Verdict::wrong, .what = "another"};
  const auto verdict = [](std::vector<Finding> findings, const Finding* of_proof = nullptr) {
    return outcome_of(findings, of_proof).verdict;
  };
  EXPECT_EQ(verdict({right}), Verdict::right);
  EXPECT_EQ(verdict({right, silent}), Verdict::not_asked);
  EXPECT_EQ(verdict({right, silent, missing}), Verdict::wrong);
  EXPECT_EQ(verdict({right}, &proof), Verdict::wrong);
  EXPECT_EQ(verdict({right}, &silent), Verdict::not_asked);
  const CheckOutcome outcome = outcome_of(std::vector{right, missing}, &proof);
  EXPECT_EQ(outcome.finding, "DMARC: _dmarc.example.com: no?");
  EXPECT_EQ(outcome.proof_finding, "proof: _proof.example.com: another");
  EXPECT_THAT(outcome_of(std::vector{right}, nullptr).finding, IsEmpty());
}

}  // namespace
}  // namespace sluice::domain_upkeep
