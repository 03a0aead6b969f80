// Lines of the log: what they look like, and that no value can make them look like anything else.
#include "engine/log/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/cut_text.h"
#include "engine/event/events.h"
#include "engine/text/escape.h"

namespace sluice::log {
namespace {

using namespace std::string_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr WallMillis kTime = 1'795'494'802'123;

// The line of an event, as it comes out of a ring.
template <typename T>
std::string line_of(LogFormat format, const T& event, event::Severity severity = T::kSeverity, WallMillis at = kTime) {
  const auto values = event::values_of(event);
  std::vector<char> record(event::record_bytes(values));
  event::write_record(record, {.at = at, .kind = T::kKind, .severity = severity}, values);
  std::array<event::Value, event::kKeysMax> read;
  return std::string(LogLine(format, event::read_record(record, read)).text());
}

// A value as it is shown.
std::string json(std::string_view value) {
  const std::string line = line_of(LogFormat::json, event::Listening{.address = value});
  const std::string head = R"({"time":"2026-11-24T04:33:22.123Z","level":"info","event":"listening","address":")";
  EXPECT_THAT(line, StartsWith(head));
  EXPECT_THAT(line, EndsWith("\"}\n"));
  return line.substr(head.size(), line.size() - head.size() - 3);
}
std::string logfmt(std::string_view value) {
  const std::string line = line_of(LogFormat::logfmt, event::Listening{.address = value});
  const std::string head = "time=2026-11-24T04:33:22.123Z level=info event=listening address=";
  EXPECT_THAT(line, StartsWith(head));
  EXPECT_THAT(line, EndsWith("\n"));
  return line.substr(head.size(), line.size() - head.size() - 1);
}

TEST(LogLineTest, JsonHasTimeLevelEventAndFields) {
  const event::SessionEnded ended{
      .reason = "quit", .code = 221, .listener = "mx", .client = "192.0.2.1", .ms = Duration(12'345'678), .id = "4f2a"};
  EXPECT_EQ(
      line_of(LogFormat::json, ended, event::Severity::warning),
      R"({"time":"2026-11-24T04:33:22.123Z","level":"warning","event":"session_ended","reason":"quit","code":221,)"
      R"("listener":"mx","client":"192.0.2.1","bytes":0,"bytes_sent":0,"messages":0,"refusals":0,"ms":12.345,)"
      R"("id":"4f2a"})"
      "\n");
  EXPECT_THAT(line_of(LogFormat::json, event::Stopped{.accounted = true}), EndsWith(R"("accounted":true})"
                                                                                    "\n"));
}

TEST(LogLineTest, LogfmtHasTheSame) {
  EXPECT_EQ(
      line_of(LogFormat::logfmt, event::QueueNote{.id = "4f2a", .what = "report not sent", .detail = "<a@b.example>"},
              event::Severity::error),
      "time=2026-11-24T04:33:22.123Z level=error event=queue id=4f2a what=\"report not sent\" "
      "detail=<a@b.example>\n");
}

// Plain bytes are looked for eight at a time.
TEST(LogLineTest, JsonEscapesEachByteWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte)
    for (std::size_t at = 0; at < 20; ++at) {
      SCOPED_TRACE(std::to_string(byte) + " at " + std::to_string(at));
      const char c = static_cast<char>(byte);
      std::string value(20, 'x');
      value[at] = c;
      const bool plain = byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
      const std::string shown = json(value);
      EXPECT_EQ(shown == value, plain);
      EXPECT_THAT(shown, StartsWith(std::string(at, 'x')));
      EXPECT_THAT(shown, EndsWith(std::string(19 - at, 'x')));
    }
}

TEST(LogLineTest, NumbersAreWritten) {
  EXPECT_THAT(line_of(LogFormat::json, event::CoreEnded{.core = std::numeric_limits<std::uint64_t>::max(),
                                                        .frames = std::numeric_limits<std::int64_t>::min()}),
              HasSubstr("\"core\":18446744073709551615,\"accounted\":false,\"frames\":-9223372036854775808,"));
  for (const auto& [span, text] : {std::pair(Duration(-1'500'000), "-1.500"), std::pair(Duration(999), "0.000"),
                                   std::pair(Duration(60'000'000'000), "60000.000")})
    EXPECT_THAT(line_of(LogFormat::logfmt, event::Draining{.timeout_ms = span}),
                EndsWith(std::string(" timeout_ms=") + text + "\n"));
}

TEST(LogLineTest, TimeIsRfc3339AndKeepsItsShapeWhateverTheClockSays) {
  for (const auto& [time, text] : {
           std::pair<WallMillis, std::string>{0, "1970-01-01T00:00:00.000Z"},
           {951'782'399'999, "2000-02-28T23:59:59.999Z"},
           {951'782'400'000, "2000-02-29T00:00:00.000Z"},
           {-1, "1969-12-31T23:59:59.999Z"},
           {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
           {253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
           {std::numeric_limits<WallMillis>::max(), "9999-12-31T23:59:59.999Z"},
           {std::numeric_limits<WallMillis>::min(), "0000-01-01T00:00:00.000Z"},
       })
    EXPECT_THAT(line_of(LogFormat::json, event::Stopped{}, event::Severity::info, time),
                HasSubstr("\"time\":\"" + text + "\""))
        << time;
}

// sluice check printed names of folders as they are.
TEST(EscapedLine, LeavesQuotesAndBackslashesAlone) {
  EXPECT_EQ(text::escaped_line("no \"acme\" in C:\\x"), "no \"acme\" in C:\\x");
  EXPECT_EQ(text::escaped_line("b\xc3\xbc"s + "cher"), "b\xc3\xbc"s + "cher");
  EXPECT_EQ(text::escaped_line("\x1b[2J\"\nx\xff\"\xe2\x80\xae"), R"(\u001b[2J"\nx\ufffd"\u202e)");
  EXPECT_EQ(text::escaped_line(""), "");
}

// What must not happen: log injection.  CR, LF, ESC, NUL and their kind, in every value.
TEST(LogLineTest, WhatCouldStartALineOrActOnATerminalIsEscaped) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\nlevel=error event=forged", R"(a\nlevel=error event=forged)"},
      {"a\r\n250 forged", R"(a\r\n250 forged)"},
      {"\x1b[31mred\x1b[0m", R"(\u001b[31mred\u001b[0m)"},
      {"a\0b"s, R"(a\u0000b)"},
      {"\t\b\f\v\x7f", R"(\t\u0008\u000c\u000b\u007f)"},
      {"\",\"level\":\"error", R"(\",\"level\":\"error)"},
      {"\\", R"(\\)"},
      {"\\\"", R"(\\\")"},
      {"\xc2\x9b[2J", R"(\u009b[2J)"},                    // CSI as one C1 character
      {"\xc2\x85", R"(\u0085)"},                          // NEL
      {"\xe2\x80\xa8x\xe2\x80\xa9", R"(\u2028x\u2029)"},  // line and paragraph separators
      {"\xe2\x80\xaetxt.exe", R"(\u202etxt.exe)"},        // right-to-left override
      {"\xe2\x81\xa6\xe2\x81\xa9", R"(\u2066\u2069)"},
      {"\xef\xbb\xbf", R"(\ufeff)"},
  };
  for (const auto& [value, expected] : cases) {
    EXPECT_EQ(json(value), expected);
    EXPECT_EQ(logfmt(value), "\"" + expected + "\"");
  }
}

TEST(LogLineTest, WhatIsNotUtf8IsReplacedByteByByte) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xff", R"(\ufffd)"},
      {"\x9b[2J", R"(\ufffd[2J)"},                          // a bare C1 byte
      {"\xc0\x8a", R"(\ufffd\ufffd)"},                      // LF, overlong
      {"\xe0\x80\x8a", R"(\ufffd\ufffd\ufffd)"},            // likewise
      {"\xf0\x80\x80\x8a", R"(\ufffd\ufffd\ufffd\ufffd)"},  // likewise
      {"\xed\xa0\x80", R"(\ufffd\ufffd\ufffd)"},            // a surrogate
      {"\xf4\x90\x80\x80", R"(\ufffd\ufffd\ufffd\ufffd)"},  // above U+10FFFF
      {"\xe2\x82", R"(\ufffd\ufffd)"},                      // cut off
      {"\xe2\x82\n", R"(\ufffd\ufffd\n)"},                  // cut off by what must not be swallowed
      {"\xf8\x88\x80\x80\x80", R"(\ufffd\ufffd\ufffd\ufffd\ufffd)"},
  };
  for (const auto& [value, expected] : cases) {
    EXPECT_EQ(json(value), expected);
    EXPECT_EQ(logfmt(value), "\"" + expected + "\"");
  }
}

TEST(LogLineTest, TextInAnyLanguageStaysAsItIs) {
  for (const std::string value : {"j\xc3\xb6rg@b\xc3\xbc"
                                  "cher.example",
                                  "\xe6\xb8\xac\xe8\xa9\xa6", "\xf0\x9f\x93\xa7"}) {
    EXPECT_EQ(json(value), value);
    EXPECT_EQ(logfmt(value), "\"" + value + "\"");
  }
}

TEST(LogLineTest, NoByteAnywhereBreaksALine) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; second += first < 0x80 ? 255 : 1) {
      const std::string value{'a', static_cast<char>(first), static_cast<char>(second), 'z'};
      for (const std::string& text : {json(value), logfmt(value)}) {
        EXPECT_TRUE(std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
            << first << " " << second;
      }
    }
  }
}

TEST(LogLineTest, LogfmtQuotesWhatIsNotOneWord) {
  EXPECT_EQ(logfmt(""), R"("")");
  EXPECT_EQ(logfmt("a b"), R"("a b")");
  EXPECT_EQ(logfmt("a=b"), R"("a=b")");
  EXPECT_EQ(logfmt("a\"b"), R"("a\"b")");
  EXPECT_EQ(logfmt("[2001:db8::1]:25"), "[2001:db8::1]:25");
}

TEST(LogLineTest, ValuesThatWereCutShowIt) {
  const std::string longest(event::kTextBytesMax, 'x');
  EXPECT_EQ(json(longest), longest);
  EXPECT_EQ(logfmt(longest), longest);
  EXPECT_EQ(json(longest + "y"), longest + "...");
  EXPECT_EQ(logfmt(longest + "y"), longest + "...");
  // What is not UTF-8 has no boundary to look for.
  EXPECT_EQ(cut_text(std::string(2000, '\x80'), 1000).size(), 997U);
}

TEST(LogLineTest, TheLongestValueOfTheWorstBytesFits) {
  const std::string expected = json(std::string(event::kTextBytesMax, '\0'));
  EXPECT_EQ(expected.size(), event::kTextBytesMax * text::kEscapeExpansionMax);
}

TEST(LogLineTest, FieldsThatNoLongerFitAreLeftOutAndTheLineSaysSo) {
  const std::string newlines(event::kTextBytesMax, '\n');
  const std::string plain(event::kTextBytesMax, 'x');
  for (const LogFormat format : {LogFormat::json, LogFormat::logfmt}) {
    const std::string line = line_of(format, event::Message{.id = newlines,
                                                            .verdict = plain,
                                                            .helo = newlines,
                                                            .from = newlines,
                                                            .to = plain,
                                                            .next_hop = newlines,
                                                            .reply = newlines,
                                                            .reply_sent = true});
    EXPECT_LE(line.size(), kLogLineBytesMax);
    EXPECT_EQ(std::ranges::count(line, '\n'), 1);
    EXPECT_THAT(line, EndsWith(format == LogFormat::json ? ",\"reply_sent\":true,\"truncated\":true}\n"
                                                         : " reply_sent=true truncated=true\n"));
  }
}

TEST(LogLineTest, EveryLengthUpToTheLimitEndsWell) {
  const std::string plain(event::kTextBytesMax, 'x');
  const std::string middle(500, 'y');
  for (std::size_t last = 0; last <= 400; ++last) {
    const std::string newlines(last, '\n');
    const std::string line = line_of(LogFormat::json, event::Message{.id = plain,
                                                                     .verdict = plain,
                                                                     .listener = plain,
                                                                     .client = plain,
                                                                     .helo = plain,
                                                                     .from = plain,
                                                                     .to = plain,
                                                                     .by = middle,
                                                                     .next_hop = newlines,
                                                                     .reply_sent = true});
    ASSERT_LE(line.size(), kLogLineBytesMax);
    ASSERT_THAT(line, EndsWith("}\n"));
  }
}

}  // namespace
}  // namespace sluice::log
