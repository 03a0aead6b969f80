// Dates as mail writes them, from seconds since 1970, without the C library's time zone state.
// Pure functions.  Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::message {

// A moment in UTC on the proleptic Gregorian calendar.
struct CivilTime {
  std::int32_t year;
  std::int32_t month;  // 1..12
  std::int32_t day;    // 1..31
  std::int32_t hour;
  std::int32_t minute;
  std::int32_t second;   // 0..59: Unix time has no leap seconds
  std::int32_t weekday;  // 0 is Sunday
  friend bool operator==(const CivilTime&, const CivilTime&) = default;
};

// Any moment from year 1900 to 9999; what lies outside becomes the nearer end, so that the year has
// four digits.
CivilTime civil_time(std::int64_t unix_seconds);

// Appends the date-time of RFC 5322 3.3 in UTC, for instance "Tue, 01 Jul 2003 10:52:37 +0000".
void append_date_time(std::string& out, std::int64_t unix_seconds);

}  // namespace sluice::message
