#include "policy/noticing/history.h"

#include <gtest/gtest.h>

namespace sluice::noticing {
namespace {

constexpr OrdinaryDay kFloor{.recipients = 100, .first_time_recipients = 60, .networks = 8};

TEST(HistoryTest, AnAccountWithoutHistoryHasItsClassesDay) {
  const History history;
  EXPECT_EQ(history.ordinary_recipients(kFloor), 100);
  EXPECT_EQ(history.ordinary_first_time(kFloor, 100), 60);
  const OrdinaryDay office{.first_time_recipients = 60, .first_time_by_again = 0.4F};
  EXPECT_EQ(history.ordinary_first_time(office, 0), 60);
  EXPECT_EQ(history.ordinary_first_time(office, 100), 100);
  EXPECT_EQ(history.ordinary_networks(kFloor), 8);
}

TEST(HistoryTest, ItsMeanIsThatOfTheFirstDays) {
  History history;
  history.learn({.recipients = 10, .first_time_recipients = 4, .networks = 2}, kFloor);
  history.learn({.recipients = 20, .first_time_recipients = 8, .networks = 4}, kFloor);
  EXPECT_NEAR(history.recipients(), 15, 0.2);
  EXPECT_NEAR(history.networks(), 3, 0.2);
}

TEST(HistoryTest, StrangersOfTheFirstEightDaysAreNewToTheRelayOnly) {
  History history;
  for (int i = 0; i < 8; ++i) history.learn({.recipients = 100, .first_time_recipients = 80}, kFloor);
  EXPECT_EQ(history.first_time_recipients(), 0);
  for (int i = 0; i < 30; ++i) history.learn({.recipients = 100, .first_time_recipients = 80}, kFloor);
  EXPECT_GT(history.first_time_recipients(), 70);
}

TEST(HistoryTest, DaysWithoutMailAreNotDays) {
  History history;
  history.learn({.recipients = 80}, kFloor);
  for (int i = 0; i < 20; ++i) history.learn({}, kFloor);
  EXPECT_NEAR(history.recipients(), 80, 0.2);
}

TEST(HistoryTest, WhoSendsMuchEachDayMaySendThreeTimesThat) {
  History history;
  for (int i = 0; i < 30; ++i) history.learn({.recipients = 190, .first_time_recipients = 50, .networks = 10}, kFloor);
  EXPECT_NEAR(history.ordinary_recipients(kFloor), 570, 5);
  EXPECT_NEAR(history.ordinary_first_time(kFloor, 1000), 100, 10);
  EXPECT_EQ(history.ordinary_networks(kFloor), 14);
}

TEST(HistoryTest, ALargeDayIsRememberedForMonths) {
  History history;
  history.learn({.recipients = 200}, kFloor);
  for (int i = 0; i < 30; ++i) history.learn({.recipients = 5}, kFloor);
  EXPECT_GT(history.ordinary_recipients(kFloor), 150);
}

TEST(HistoryTest, NoDayTeachesMoreThanTwiceWhatWasOrdinary) {
  History history;
  history.learn({.recipients = 5000, .first_time_recipients = 5000, .networks = 64}, kFloor);
  EXPECT_NEAR(history.recipients(), 200, 1);
  EXPECT_NEAR(history.networks(), 16, 0.5);
}

TEST(HistoryTest, LargeFiguresAreKeptWithinTheirBytes) {
  History history;
  for (int i = 0; i < 100; ++i)
    history.learn({.recipients = 4'000'000'000U, .networks = 1000}, {.recipients = 4'000'000'000U, .networks = 1000});
  EXPECT_GE(history.recipients(), 8000);
  EXPECT_GE(history.ordinary_recipients(kFloor), 65'000);
}

}  // namespace
}  // namespace sluice::noticing
