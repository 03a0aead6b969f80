// A short form of bench/noticing_trial.cc, with the bounds that the defaults were chosen for: no ordinary account is
// held, and a stolen one is after at most 200 recipients with mx routes, and 500 behind a smart host that takes every
// address.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "tests/support/noticing_population.h"
#include "tests/support/noticing_school.h"
#include "tests/support/noticing_thief.h"

namespace sluice::noticing {
namespace {

constexpr std::uint32_t kAccounts = 500;
constexpr std::uint32_t kTrialDays = 10;
constexpr std::uint32_t kThefts = 8;

std::uint32_t bound_of(Route route) { return route == Route::mx ? 200 : 500; }

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

// What strangers get on the first day, and what they get day and night: of a home and of a business by turns.
TEST_P(NoticingTrialTest, NoNewcomerAndNoShopIsHeld) {
  for (std::uint32_t number = 0; number < 40; ++number) {
    OrdinaryAccount newcomer(Kind::newcomer, 20'000 + 50 * number, GetParam());
    for (std::uint32_t day = 0; day < 3; ++day) newcomer.run_day(day);
    EXPECT_GE(newcomer.largest_day(), 300U);
    EXPECT_LT(newcomer.account().worst(), Step::hold) << number << ": " << newcomer.account().reasons();
    OrdinaryAccount shop(Kind::shop, 20'000 + 50 * number, GetParam());
    for (std::uint32_t day = 0; day < 3 * kTrialDays; ++day) shop.run_day(day);
    EXPECT_LT(shop.account().worst(), Step::hold) << number << ": " << shop.account().reasons();
  }
}

TEST_P(NoticingTrialTest, AStolenAccountIsHeldInTime) {
  constexpr std::array kOwners = {Kind::person, Kind::office, Kind::commuter, Kind::newsletter};
  for (const ThiefHabits& habits : thieves()) {
    for (std::uint32_t theft = 0; theft < kThefts; ++theft) {
      const std::uint32_t owner_days = theft % 4 < 2 ? 14 : 0;
      const Containment found = run_thief(habits, kOwners[theft % kOwners.size()], GetParam(), theft >= kThefts / 2,
                                          owner_days, 3'000'000 + theft);
      EXPECT_TRUE(found.contained) << habits.name;
      EXPECT_LE(found.recipients, bound_of(GetParam())) << habits.name << ", theft " << theft << ": " << found.reasons;
    }
  }
}

// An office of which the relay knows nothing: its first days are ordinary with hundreds of strangers, a bought list is
// not.
TEST_P(NoticingTrialTest, AStolenOfficeWithoutHistoryIsHeldInTime) {
  for (const ThiefHabits& habits : thieves()) {
    const Containment found = run_thief(habits, Kind::office, GetParam(), false, 0, 3'000'100);
    EXPECT_TRUE(found.contained) << habits.name;
    EXPECT_LE(found.recipients, bound_of(GetParam())) << habits.name << ": " << found.reasons;
  }
}

// Thefts of bench/noticing_trial.cc that were held too late once: their bought lists had few dead addresses at first.
TEST(NoticingTrialSeedsTest, ABoughtListWithFewDeadAddressesIsHeldInTime) {
  struct Theft {
    std::string_view habits;
    Kind owner;
    std::uint32_t seed;
  };
  constexpr std::array kUnlucky = {
      Theft{"like a newsletter, with List-Unsubscribe, one network", Kind::office, 1'000'037},
      Theft{"one text, one network, 20 a message", Kind::office, 1'000'037},
      Theft{"slow: 1 every 20 minutes, 2 networks", Kind::newsletter, 1'000'007},
      Theft{"slow: 1 every 20 minutes, 2 networks", Kind::person, 1'000'080},
  };
  for (const Theft& theft : kUnlucky) {
    const auto habits = std::ranges::find(thieves(), theft.habits, &ThiefHabits::name);
    ASSERT_NE(habits, thieves().end()) << theft.habits;
    const Containment found = run_thief(*habits, theft.owner, Route::mx, false, 0, theft.seed);
    EXPECT_TRUE(found.contained) << theft.habits;
    EXPECT_LE(found.recipients, bound_of(Route::mx)) << theft.habits << ": " << found.reasons;
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
