// A short form of bench/noticing_trial.cc, with the bounds that the defaults were chosen for: no ordinary account is
// held, and a stolen one is after at most 200 recipients with mx routes, and 500 behind a smart host that takes every
// address.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/noticing_population.h"
#include "tests/support/noticing_school.h"
#include "tests/support/noticing_thief.h"

namespace sluice::noticing {
namespace {

constexpr std::uint32_t kAccounts = 500;
constexpr std::uint32_t kTrialDays = 10;
constexpr std::uint32_t kThefts = 8;
constexpr std::uint32_t kMostWithMx = 200;
constexpr std::uint32_t kMostBehindSmartHost = 500;

class NoticingTrialTest : public ::testing::TestWithParam<Route> {};

TEST_P(NoticingTrialTest, NoOrdinaryAccountIsHeld) {
  std::uint32_t noticed = 0;
  for (std::uint32_t number = 0; number < kAccounts; ++number) {
    OrdinaryAccount ordinary(kind_of(number), number, GetParam());
    for (std::uint32_t day = 0; day < kTrialDays; ++day) ordinary.run_day(day);
    EXPECT_LT(ordinary.account().worst(), Step::hold)
        << kind_name(ordinary.kind()) << " " << number << ": " << ordinary.account().reasons();
    noticed += ordinary.account().worst() > Step::pass ? 1 : 0;
  }
  EXPECT_LE(noticed, kAccounts / 5);
}

TEST_P(NoticingTrialTest, NoNewsletterOfThreeHundredIsHeld) {
  for (std::uint32_t number = 0; number < 50; ++number) {
    OrdinaryAccount club(Kind::newsletter, 20'000 + number, GetParam());
    for (std::uint32_t day = 0; day < kTrialDays; ++day) club.run_day(day);
    EXPECT_GE(club.largest_day(), 300U);
    EXPECT_LT(club.account().worst(), Step::hold) << number << ": " << club.account().reasons();
  }
}

TEST_P(NoticingTrialTest, AStolenAccountIsHeldInTime) {
  for (const ThiefHabits& habits : thieves()) {
    if (habits.weak) continue;
    for (std::uint32_t theft = 0; theft < kThefts; ++theft) {
      const Kind owner = theft % 2 == 0 ? Kind::person : Kind::office;
      const Containment found = run_thief(habits, owner, GetParam(), theft % 4 < 2, 14, 3'000'000 + theft);
      EXPECT_TRUE(found.contained) << habits.name;
      EXPECT_LE(found.recipients, GetParam() == Route::mx ? kMostWithMx : kMostBehindSmartHost)
          << habits.name << ", theft " << theft << ": " << found.reasons;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Routes, NoticingTrialTest, ::testing::Values(Route::mx, Route::smart_host),
                         [](const auto& route) { return route.param == Route::mx ? "Mx" : "SmartHost"; });

TEST(NoticingSchoolTest, ASchoolsMailToTwoThousandParentsGoesOut) {
  for (const std::uint32_t group : {1U, 50U, 100U}) {
    const SchoolResult result = run_school(group, group);
    EXPECT_LT(result.worst, Step::slow) << group << ": " << result.reasons;
    EXPECT_EQ(result.recipients_out, 8000U);
  }
}

}  // namespace
}  // namespace sluice::noticing
