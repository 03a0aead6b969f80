// Of each account the latest step counts, wherever and in whatever order it is heard.
#include "policy/cluster/step_ledger.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

using noticing::Step;

constexpr WallMillis kNow = 1'700'000'000'000;
constexpr WallMillis kDay = WallMillis{24} * 3600 * 1000;

AccountStep step(Step what, WallMillis at = 0, WallMillis until = kNow + kDay) {
  return {.account = "ann@example.com", .step = what, .until = until, .at = at, .reason = {}};
}

TEST(StepLedgerTest, TheLatestCountsInWhateverOrder) {
  StepLedger ledger;
  EXPECT_TRUE(ledger.merge(step(Step::pass, kNow - 1), kNow));
  EXPECT_FALSE(ledger.merge(step(Step::hold, kNow - 2), kNow));
  EXPECT_TRUE(ledger.merge(step(Step::hold, kNow), kNow));
  EXPECT_FALSE(ledger.merge(step(Step::hold, kNow), kNow)) << "it is known";
  EXPECT_TRUE(ledger.merge(step(Step::suspend, kNow), kNow)) << "of two at once the higher one";
  EXPECT_FALSE(ledger.merge(step(Step::hold, kNow), kNow));
  EXPECT_EQ(ledger.size(), 1U);
}

TEST(StepLedgerTest, WhatIsTakenHereIsLaterThanWhatIsKnownWhateverTheClocksSay) {
  StepLedger ledger;
  EXPECT_TRUE(ledger.merge(step(Step::hold, kNow + 5000), kNow));
  const AccountStep lifted = ledger.take(step(Step::pass, 0, kNow), kNow);
  EXPECT_EQ(lifted.at, kNow + 5001);
  EXPECT_EQ(lifted.until, kNow + kDay) << "it stays lifted as long as the hold would have lasted";
  EXPECT_FALSE(ledger.merge(step(Step::hold, kNow + 5000), kNow));
}

TEST(StepLedgerTest, WhatIsOverIsForgottenAndNothingLastsForEver) {
  StepLedger ledger;
  EXPECT_FALSE(ledger.merge(step(Step::hold, kNow - 1, kNow), kNow));
  EXPECT_TRUE(ledger.merge(step(Step::hold, kNow, kNow + 1000 * kDay), kNow));
  ASSERT_EQ(ledger.live(kNow).size(), 1U);
  EXPECT_EQ(ledger.live(kNow)[0].until, kNow + StepLedger::kLastsMax);
  EXPECT_TRUE(ledger.live(kNow + StepLedger::kLastsMax).empty());
  EXPECT_EQ(ledger.size(), 0U);
}

TEST(StepLedgerTest, AStepFromATimeThatHasNotComeKeepsNobodyOut) {
  StepLedger ledger;
  EXPECT_FALSE(ledger.merge(step(Step::suspend, kNow + StepLedger::kAheadMax + 1), kNow));
}

TEST(StepLedgerTest, IsBounded) {
  StepLedger ledger;
  for (std::size_t i = 0; i < StepLedger::kAccountsMax + 10; ++i) {
    AccountStep each = step(Step::hold, kNow);
    each.account = std::to_string(i);
    EXPECT_TRUE(ledger.merge(std::move(each), kNow));
  }
  EXPECT_EQ(ledger.size(), StepLedger::kAccountsMax);
}

}  // namespace
}  // namespace sluice::policy
