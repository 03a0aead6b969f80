#include "engine/text/time_text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace sluice::text {

TimeText time_text(WallMillis wall) {
  using namespace std::chrono;
  constexpr sys_time<milliseconds> kFirst = sys_days(year(0) / 1 / 1);
  constexpr sys_time<milliseconds> kLast = sys_days(year(9999) / 12 / 31) + days(1) - milliseconds(1);
  const auto moment = std::clamp(sys_time<milliseconds>(milliseconds(wall)), kFirst, kLast);
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(moment - day);
  TimeText text;
  std::size_t at = 0;
  const auto put = [&](std::int64_t value, std::size_t digits, char after) {
    for (std::size_t i = digits; i-- > 0; value /= 10) text[at + i] = static_cast<char>('0' + value % 10);
    at += digits;
    text[at++] = after;
  };
  put(static_cast<int>(date.year()), 4, '-');
  put(static_cast<unsigned>(date.month()), 2, '-');
  put(static_cast<unsigned>(date.day()), 2, 'T');
  put(time.hours().count(), 2, ':');
  put(time.minutes().count(), 2, ':');
  put(time.seconds().count(), 2, '.');
  put(time.subseconds().count(), 3, 'Z');
  return text;
}

std::string time_string(WallMillis wall) {
  const TimeText text = time_text(wall);
  return {text.data(), text.size()};
}

std::string_view duration_text(Duration value, std::array<char, kDurationTextMax>& room) {
  constexpr std::int64_t kMicrosPerMilli = 1000;
  const std::int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
  const std::int64_t fraction = std::abs(micros % kMicrosPerMilli);
  char* end = room.data();
  if (micros < 0) *end++ = '-';
  end = std::to_chars(end, room.data() + room.size(), std::abs(micros / kMicrosPerMilli)).ptr;
  *end++ = '.';
  for (const std::int64_t unit : {100, 10, 1}) *end++ = static_cast<char>('0' + fraction / unit % 10);
  return {room.data(), end};
}

}  // namespace sluice::text
