// What follows from a delivery attempt: whether the rest goes at once, and when recipients are tried again.
#include "engine/relay/delivery_attempt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace sluice::relay {
namespace {

using namespace std::chrono_literals;
using message::Fate;
using schedule::Verdict;
using Kind = RecipientResult::Kind;
using ::testing::ElementsAre;

message::DeliveryStatus status_of(const std::vector<std::uint32_t>& tries) {
  message::DeliveryStatus status;
  for (const std::uint32_t each : tries) status.recipients.push_back({.fate = Fate::waiting, .tries = each});
  return status;
}

TEST(DeliveryAttempt, AsksFirstAboutThoseWhoWereTriedLeast) {
  std::vector<std::uint32_t> recipients{0, 1, 2, 3, 4};
  sort_by_tries(recipients, status_of({2, 0, 1, 0, 1}));
  EXPECT_THAT(recipients, ElementsAre(1, 3, 2, 4, 0));
}

// ------------------------------------------------------------------------------------------ the rest, at once

bool takes_more(const std::vector<RecipientResult>& results, const std::vector<std::uint32_t>& tries, Verdict verdict) {
  std::vector<std::uint32_t> recipients;
  for (std::uint32_t i = 0; i < results.size(); ++i) recipients.push_back(i);
  return takes_more_now(results, recipients, status_of(tries), verdict);
}

TEST(TakesMoreNow, AfterTooManyRecipientsWhereOthersWereTaken) {
  EXPECT_TRUE(takes_more({{.kind = Kind::taken, .code = 250}, {.kind = Kind::deferred, .code = 452}}, {1, 1},
                         Verdict::delivered));
  EXPECT_FALSE(takes_more({{.kind = Kind::taken, .code = 250}, {.kind = Kind::deferred, .code = 451}}, {1, 1},
                          Verdict::delivered));
  // A disk that is full says the same, and is given its time.
  EXPECT_FALSE(takes_more({{.kind = Kind::deferred, .code = 452}}, {1}, Verdict::deferred));
}

TEST(TakesMoreNow, UntilAllWereAskedAboutEquallyOften) {
  EXPECT_TRUE(takes_more({{.kind = Kind::deferred, .code = 451}, {.kind = Kind::unasked}}, {1, 0}, Verdict::deferred));
  EXPECT_FALSE(takes_more({{.kind = Kind::deferred, .code = 451}, {.kind = Kind::unasked}}, {1, 1}, Verdict::deferred));
}

TEST(TakesMoreNow, ResultsAreOfTheRecipientsThatTheyStandFor) {
  const std::vector<RecipientResult> results{{.kind = Kind::deferred, .code = 451}, {.kind = Kind::unasked}};
  const std::vector<std::uint32_t> recipients{2, 0};
  EXPECT_TRUE(takes_more_now(results, recipients, status_of({0, 9, 1}), Verdict::deferred));
  EXPECT_FALSE(takes_more_now(results, recipients, status_of({1, 0, 1}), Verdict::deferred));
}

// ------------------------------------------------------------------------------------------ the next try

class NextTryTest : public ::testing::Test {
 protected:
  static constexpr WallMillis kArrived = 1'000'000;
  static constexpr WallMillis kMinute = 60'000;
  std::optional<WallMillis> next(WallMillis now, Verdict verdict = Verdict::deferred, bool more_now = false) {
    return next_try_after(
        {.recipients = recipients_, .status = status_, .arrived = kArrived, .verdict = verdict, .more_now = more_now},
        curve_, 1h, now, [this] {
          ++drawn_;
          return std::uint64_t{0};
        });
  }
  schedule::RetryCurve curve_{{1min, 10min}, 0};
  std::vector<std::uint32_t> recipients_{0, 1};
  message::DeliveryStatus status_ = status_of({1, 1});
  int drawn_ = 0;
};

TEST_F(NextTryTest, IsWhereTheCurveSays) {
  EXPECT_EQ(next(kArrived), kArrived + kMinute);
  EXPECT_EQ(drawn_, 1);
}

TEST_F(NextTryTest, IsByTheTriesOfTheDestinationsOwnRecipients) {
  status_ = status_of({1, 2, 0});
  EXPECT_EQ(next(kArrived), kArrived + 10 * kMinute);
  status_ = status_of({1, 1, 5});
  EXPECT_EQ(next(kArrived), kArrived + kMinute);
}

TEST_F(NextTryTest, IsNoneWhereNobodyWaits) {
  for (message::RecipientStatus& each : status_.recipients) each.fate = Fate::delivered;
  EXPECT_EQ(next(kArrived), std::nullopt);
  EXPECT_EQ(next(kArrived, Verdict::delivered, /*more_now=*/true), std::nullopt);
  EXPECT_EQ(next(kArrived, Verdict::not_tried), std::nullopt);
  recipients_.clear();
  EXPECT_EQ(next(kArrived, Verdict::not_tried), std::nullopt);
  EXPECT_EQ(drawn_, 0);
}

TEST_F(NextTryTest, IsNowForWhatTheNextHopTakesInAnotherTransaction) {
  EXPECT_EQ(next(kArrived + 7, Verdict::delivered, /*more_now=*/true), kArrived + 7);
}

TEST_F(NextTryTest, IsSoonWhereNothingWasTried) {
  EXPECT_EQ(next(kArrived, Verdict::not_tried), kArrived + kTryAgainSoon / std::chrono::milliseconds(1));
  // However late it is: what was not tried is not given up for that.
  const WallMillis late = kArrived + 600 * kMinute;
  EXPECT_EQ(next(late, Verdict::not_tried), late + kTryAgainSoon / std::chrono::milliseconds(1));
}

TEST_F(NextTryTest, TheLastOneIsJustBeforeTheMessageIsGivenUp) {
  status_ = status_of({2, 2});
  const WallMillis last = kArrived + 59 * kMinute;
  EXPECT_EQ(next(kArrived + 55 * kMinute), last);
  EXPECT_EQ(next(last), std::nullopt);
  EXPECT_EQ(next(last + kMinute), std::nullopt);
}

}  // namespace
}  // namespace sluice::relay
