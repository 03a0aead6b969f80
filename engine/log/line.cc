#include "engine/log/line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>

#include "engine/log/log.h"
#include "engine/text/escape.h"

namespace sluice::log {
namespace {

constexpr std::string_view kJsonEnd = "}\n";
constexpr std::string_view kJsonTruncatedEnd = ",\"truncated\":true}\n";
constexpr std::string_view kLogfmtEnd = "\n";
constexpr std::string_view kLogfmtTruncatedEnd = " truncated=true\n";
constexpr std::string_view kCut = "...";
// Always kept free for the end.
constexpr std::size_t kEndBytes = std::max(kJsonTruncatedEnd.size(), kLogfmtTruncatedEnd.size());
constexpr std::size_t kFieldsEnd = kLogLineBytesMax - kEndBytes;
static_assert(kLogValueBytesMax * text::kEscapeExpansionMax + kCut.size() + 2 < kFieldsEnd - 256,
              "a line holds at least its head and any one value");

// RFC 3339 section 5.6, in UTC, with milliseconds: "2026-11-24T04:33:22.123Z".
using TimeText = std::array<char, 24>;

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

}  // namespace

std::string_view level_text(Level level) {
  constexpr std::array<std::string_view, 4> kTexts{"debug", "info", "warning", "error"};
  return kTexts[static_cast<std::size_t>(level)];
}

LogLine::LogLine(Log* log, LogFormat format, WallMillis now, Level level, LogName event) : log_(log), format_(format) {
  if (log_ == nullptr) return;
  const TimeText time = time_text(now);
  const bool json = format_ == LogFormat::json;
  append(json ? "{\"time\":\"" : "time=");
  append({time.data(), time.size()});
  append(json ? "\",\"level\":\"" : " level=");
  append(level_text(level));
  append(json ? "\",\"event\":\"" : " event=");
  append(event.text());
  if (json) append("\"");
}

void LogLine::append(std::string_view bytes) {
  std::memcpy(text_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

// Writes what stands in front of a value.  False, and the line is marked, if it and `value_bytes`
// have no room.
bool LogLine::begin_field(std::string_view name, std::size_t value_bytes) {
  constexpr std::size_t kPunctuation = 4;  // ,"":
  if (log_ == nullptr) return false;
  if (name.size() + value_bytes + kPunctuation > kFieldsEnd - size_) {
    truncated_ = true;
    return false;
  }
  const bool json = format_ == LogFormat::json;
  append(json ? ",\"" : " ");
  append(name);
  append(json ? "\":" : "=");
  return true;
}

template <typename Number>
LogLine& LogLine::bare(LogName name, Number value) {
  constexpr std::size_t kDigitsMax = 24;
  std::array<char, kDigitsMax> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const std::string_view text(digits.data(), end);
  if (begin_field(name.text(), text.size())) append(text);
  return *this;
}

LogLine& LogLine::number(LogName name, std::int64_t value) { return bare(name, value); }
LogLine& LogLine::number(LogName name, std::uint64_t value) { return bare(name, value); }

LogLine& LogLine::field(LogName name, bool value) {
  const std::string_view text = value ? "true" : "false";
  if (begin_field(name.text(), text.size())) append(text);
  return *this;
}

LogLine& LogLine::field(LogName name, Duration value) {
  constexpr std::int64_t kMicrosPerMilli = 1000;
  const std::int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
  const std::int64_t fraction = std::abs(micros % kMicrosPerMilli);
  std::array<char, 32> text;
  char* end = text.data();
  if (micros < 0) *end++ = '-';
  end = std::to_chars(end, text.data() + text.size(), std::abs(micros / kMicrosPerMilli)).ptr;
  *end++ = '.';
  for (const std::int64_t unit : {100, 10, 1}) *end++ = static_cast<char>('0' + fraction / unit % 10);
  const std::string_view digits(text.data(), end);
  if (begin_field(name.text(), digits.size())) append(digits);
  return *this;
}

LogLine& LogLine::field(LogName name, std::string_view value) {
  if (log_ == nullptr) return *this;
  const std::string_view shown = text::cut_value(value, kLogValueBytesMax);
  const bool cut = shown.size() < value.size();
  const std::size_t size_before = size_;
  if (format_ == LogFormat::logfmt && !cut && text::is_bare_logfmt(shown)) {
    if (begin_field(name.text(), shown.size())) append(shown);
    return *this;
  }
  const std::size_t around = 2 + (cut ? kCut.size() : 0);
  if (!begin_field(name.text(), shown.size() + around)) return *this;
  append("\"");
  const std::size_t room = kFieldsEnd - size_ - (around - 1);
  const auto escaped = text::escape_json(shown, std::span(text_).subspan(size_, room));
  if (!escaped) {
    size_ = size_before;
    truncated_ = true;
    return *this;
  }
  size_ += *escaped;
  if (cut) append(kCut);
  append("\"");
  return *this;
}

void LogLine::end() {
  if (log_ == nullptr) return;
  if (format_ == LogFormat::json)
    append(truncated_ ? kJsonTruncatedEnd : kJsonEnd);
  else
    append(truncated_ ? kLogfmtTruncatedEnd : kLogfmtEnd);
  log_->commit({text_.data(), size_});
  log_ = nullptr;
}

}  // namespace sluice::log
