#include "engine/log/line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>

#include "engine/text/escape.h"
#include "engine/text/time_text.h"

namespace sluice::log {
namespace {

constexpr std::string_view kJsonEnd = "}\n";
constexpr std::string_view kJsonTruncatedEnd = ",\"truncated\":true}\n";
constexpr std::string_view kLogfmtEnd = "\n";
constexpr std::string_view kLogfmtTruncatedEnd = " truncated=true\n";
// Always kept free for the end.
constexpr std::size_t kEndBytes = std::max(kJsonTruncatedEnd.size(), kLogfmtTruncatedEnd.size());
constexpr std::size_t kFieldsEnd = kLogLineBytesMax - kEndBytes;
static_assert((event::kTextBytesMax + event::kCut.size()) * text::kEscapeExpansionMax + 2 < kFieldsEnd - 256,
              "a line holds at least its head and any one value");

}  // namespace

LogLine::LogLine(LogFormat format, const event::Event& event) : format_(format) {
  const text::TimeText time = text::time_text(event.at);
  const bool json = format_ == LogFormat::json;
  append(json ? "{\"time\":\"" : "time=");
  append({time.data(), time.size()});
  append(json ? "\",\"level\":\"" : " level=");
  append(event::severity_text(event.severity));
  append(json ? "\",\"event\":\"" : " event=");
  append(event.row.name);
  if (json) append("\"");
  for (std::size_t i = 0; i < event.values.size(); ++i)
    std::visit([&](const auto& value) { field(event.row.keys[i].name, value); }, event.values[i]);
  if (json)
    append(truncated_ ? kJsonTruncatedEnd : kJsonEnd);
  else
    append(truncated_ ? kLogfmtTruncatedEnd : kLogfmtEnd);
}

void LogLine::append(std::string_view bytes) {
  std::memcpy(text_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

// Writes what stands in front of a value.  False, and the line is marked, if it and `value_bytes` have no room.
bool LogLine::begin_field(std::string_view name, std::size_t value_bytes) {
  constexpr std::size_t kPunctuation = 4;  // ,"":
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

void LogLine::bare(std::string_view name, std::string_view value) {
  if (begin_field(name, value.size())) append(value);
}

void LogLine::field(std::string_view name, std::int64_t value) {
  std::array<char, 24> digits;
  bare(name, {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr});
}

void LogLine::field(std::string_view name, std::uint64_t value) {
  std::array<char, 24> digits;
  bare(name, {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr});
}

void LogLine::field(std::string_view name, bool value) { bare(name, value ? "true" : "false"); }

void LogLine::field(std::string_view name, Duration value) {
  std::array<char, text::kDurationTextMax> room;
  bare(name, text::duration_text(value, room));
}

void LogLine::field(std::string_view name, std::string_view value) {
  if (format_ == LogFormat::logfmt && text::is_bare_logfmt(value)) {
    bare(name, value);
    return;
  }
  constexpr std::size_t kQuotes = 2;
  const std::size_t size_before = size_;
  if (!begin_field(name, value.size() + kQuotes)) return;
  append("\"");
  const std::size_t room = kFieldsEnd - size_ - 1;
  const auto escaped = text::escape_json(value, std::span(text_).subspan(size_, room));
  if (!escaped) {
    size_ = size_before;
    truncated_ = true;
    return;
  }
  size_ += *escaped;
  append("\"");
}

std::string json_text(const event::Event& event) {
  const LogLine line(LogFormat::json, event);
  return std::string(line.text().substr(0, line.text().size() - 1));
}

}  // namespace sluice::log
