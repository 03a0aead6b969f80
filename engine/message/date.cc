#include "engine/message/date.h"

#include <algorithm>
#include <string_view>

namespace sluice::message {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kFirstSecond = -2'208'988'800;  // 1900-01-01 00:00:00
constexpr std::int64_t kLastSecond = 253'402'300'799;  // 9999-12-31 23:59:59

// A year here begins on the 1st of March, so that the day that some years lack is the last.  Four
// hundred such years have always the same number of days.
constexpr std::int32_t kDaysPerYear = 365;
constexpr std::int32_t kDaysPer4Years = 4 * kDaysPerYear + 1;
constexpr std::int32_t kDaysPer100Years = 25 * kDaysPer4Years - 1;
constexpr std::int32_t kDaysPer400Years = 4 * kDaysPer100Years + 1;
static_assert(kDaysPer400Years == 146'097);
constexpr std::int32_t kDaysFrom1600MarchTo1970 = 135'080;
// From March: 31 30 31 30 31, twice, then January and February.
constexpr std::int32_t kDaysPer5Months = 153;

constexpr std::string_view kWeekdays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

void append_digits(std::string& out, std::int32_t value, std::int32_t digits) {
  std::int32_t unit = 1;
  for (std::int32_t i = 1; i < digits; ++i) unit *= 10;
  for (; unit > 0; unit /= 10) out += static_cast<char>('0' + value / unit % 10);
}

std::string_view three_letters(std::string_view names, std::int32_t index) {
  return names.substr(static_cast<std::size_t>(index) * 3, 3);
}

}  // namespace

CivilTime civil_time(std::int64_t unix_seconds) {
  const std::int64_t moment = std::clamp(unix_seconds, kFirstSecond, kLastSecond);
  std::int64_t whole_days = moment / kSecondsPerDay;
  if (moment % kSecondsPerDay < 0) --whole_days;
  const auto second_of_day = static_cast<std::int32_t>(moment - whole_days * kSecondsPerDay);

  // 1900 is after 1600, so all from here on is positive.
  const std::int32_t days = static_cast<std::int32_t>(whole_days) + kDaysFrom1600MarchTo1970;
  const std::int32_t in_400 = days % kDaysPer400Years;
  const std::int32_t centuries = std::min(in_400 / kDaysPer100Years, 3);
  const std::int32_t in_100 = in_400 - centuries * kDaysPer100Years;
  const std::int32_t in_4 = in_100 % kDaysPer4Years;
  const std::int32_t years = std::min(in_4 / kDaysPerYear, 3);
  const std::int32_t day_of_year = in_4 - years * kDaysPerYear;
  const std::int32_t month_from_march = (5 * day_of_year + 2) / kDaysPer5Months;
  const bool next_year = month_from_march >= 10;

  CivilTime time{};
  time.year = 1600 + days / kDaysPer400Years * 400 + centuries * 100 + in_100 / kDaysPer4Years * 4 + years +
              (next_year ? 1 : 0);
  time.month = month_from_march + (next_year ? -9 : 3);
  time.day = day_of_year - (kDaysPer5Months * month_from_march + 2) / 5 + 1;
  time.hour = second_of_day / 3600;
  time.minute = second_of_day / 60 % 60;
  time.second = second_of_day % 60;
  time.weekday = (days + 3) % 7;  // the 1st of March 1600 was a Wednesday
  return time;
}

// RFC 5322 3.3: date-time = [ day-of-week "," ] date time [CFWS]; year = FWS 4*DIGIT FWS; the zone
// "+0000" is UTC.
void append_date_time(std::string& out, std::int64_t unix_seconds) {
  const CivilTime time = civil_time(unix_seconds);
  out += three_letters(kWeekdays, time.weekday);
  out += ", ";
  append_digits(out, time.day, 2);
  out += ' ';
  out += three_letters(kMonths, time.month - 1);
  out += ' ';
  append_digits(out, time.year, 4);
  out += ' ';
  append_digits(out, time.hour, 2);
  out += ':';
  append_digits(out, time.minute, 2);
  out += ':';
  append_digits(out, time.second, 2);
  out += " +0000";
}

}  // namespace sluice::message
