// Dates against the standard library's calendar, day by day.
#include "engine/message/date.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

namespace sluice::message {
namespace {

std::string date_time(std::int64_t unix_seconds) {
  std::string out;
  append_date_time(out, unix_seconds);
  return out;
}

TEST(Date, ReadsAsRfc5322Has) {
  EXPECT_EQ(date_time(0), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(date_time(1'057'056'757), "Tue, 01 Jul 2003 10:52:37 +0000");
  EXPECT_EQ(date_time(951'868'799), "Tue, 29 Feb 2000 23:59:59 +0000");
  EXPECT_EQ(date_time(-1), "Wed, 31 Dec 1969 23:59:59 +0000");
  EXPECT_EQ(date_time(2'147'483'648), "Tue, 19 Jan 2038 03:14:08 +0000");
  EXPECT_EQ(date_time(4'107'542'400), "Mon, 01 Mar 2100 00:00:00 +0000");
}

TEST(Date, YearHasFourDigitsWhateverTheClockSays) {
  EXPECT_EQ(date_time(std::numeric_limits<std::int64_t>::min()), "Mon, 01 Jan 1900 00:00:00 +0000");
  EXPECT_EQ(date_time(std::numeric_limits<std::int64_t>::max()), "Fri, 31 Dec 9999 23:59:59 +0000");
}

TEST(Date, EveryDayFrom1900To9999IsTheCalendars) {
  using namespace std::chrono;
  const sys_days end = year(10'000) / January / 1;
  for (sys_days day = year(1900) / January / 1; day < end; day += days(1)) {
    const year_month_day date(day);
    const auto weekday_number = static_cast<std::int32_t>(weekday(day).c_encoding());
    const CivilTime expected{static_cast<int>(date.year()),
                             static_cast<std::int32_t>(static_cast<unsigned>(date.month())),
                             static_cast<std::int32_t>(static_cast<unsigned>(date.day())),
                             23,
                             59,
                             58,
                             weekday_number};
    const auto seconds = static_cast<std::int64_t>(day.time_since_epoch().count()) * 86'400 + 86'398;
    ASSERT_EQ(civil_time(seconds), expected) << date_time(seconds);
  }
}

}  // namespace
}  // namespace sluice::message
