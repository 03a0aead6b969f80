// Lines of the log: what they look like, and that no value can make them look like anything else.
#include "engine/log/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "engine/log/log.h"
#include "engine/text/escape.h"

namespace sluice::log {
namespace {

using std::string_literals::operator""s;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct StoppedClock final : io::Clock {
  Instant now() override { return {}; }
  WallMillis wall() override { return time; }
  WallMillis time = 1'795'494'802'123;
};

// A log that writes at once.
class LogLineTest : public ::testing::Test {
 protected:
  std::string written() {
    std::string text = sink_.text();
    sink_.clear();
    return text;
  }
  std::string value_line(std::string_view value) {
    log_.line(Level::info, "test").field("value", value);
    return written();
  }
  std::string json(std::string_view value) {
    service_.set(LogFormat::json, Level::info);
    const std::string line = value_line(value);
    const std::string head = R"({"time":"2026-11-24T04:33:22.123Z","level":"info","event":"test","value":")";
    EXPECT_THAT(line, StartsWith(head));
    EXPECT_THAT(line, EndsWith("\"}\n"));
    return line.substr(head.size(), line.size() - head.size() - 3);
  }
  std::string logfmt(std::string_view value) {
    service_.set(LogFormat::logfmt, Level::info);
    const std::string line = value_line(value);
    const std::string head = "time=2026-11-24T04:33:22.123Z level=info event=test value=";
    EXPECT_THAT(line, StartsWith(head));
    EXPECT_THAT(line, EndsWith("\n"));
    return line.substr(head.size(), line.size() - head.size() - 1);
  }

  StoppedClock clock_;
  MemoryLogSink sink_;
  LogService service_{LogOptions{}, clock_, sink_};
  Log& log_ = service_.open();
};

TEST_F(LogLineTest, JsonHasTimeLevelEventAndFields) {
  log_.line(Level::warning, "message")
      .field("qid", "4f2a")
      .field("bytes", 4096U)
      .field("delta", -3)
      .field("tls", true)
      .field("took_ms", Duration(12'345'678))
      .field_if_any("detail", "");
  EXPECT_EQ(written(),
            R"({"time":"2026-11-24T04:33:22.123Z","level":"warning","event":"message","qid":"4f2a","bytes":4096,)"
            R"("delta":-3,"tls":true,"took_ms":12.345})"
            "\n");
}

TEST_F(LogLineTest, LogfmtHasTheSame) {
  service_.set(LogFormat::logfmt, Level::info);
  log_.line(Level::error, "message")
      .field("qid", "4f2a")
      .field("to", "<a@b.example>")
      .field("reply", "250 taken")
      .field("n", 0);
  EXPECT_EQ(written(),
            "time=2026-11-24T04:33:22.123Z level=error event=message qid=4f2a to=<a@b.example> "
            "reply=\"250 taken\" n=0\n");
}

TEST_F(LogLineTest, NumbersAreWritten) {
  log_.line(Level::info, "test")
      .field("a", std::numeric_limits<std::int64_t>::min())
      .field("b", std::numeric_limits<std::uint64_t>::max())
      .field("c", Duration(-1'500'000))
      .field("d", Duration(999))
      .field("e", Duration(60'000'000'000));
  EXPECT_THAT(written(), EndsWith("\"a\":-9223372036854775808,\"b\":18446744073709551615,\"c\":-1.500,\"d\":0.000,"
                                  "\"e\":60000.000}\n"));
}

TEST_F(LogLineTest, TimeIsRfc3339AndKeepsItsShapeWhateverTheClockSays) {
  for (const auto& [time, text] : {
           std::pair<WallMillis, std::string>{0, "1970-01-01T00:00:00.000Z"},
           {951'782'399'999, "2000-02-28T23:59:59.999Z"},
           {951'782'400'000, "2000-02-29T00:00:00.000Z"},
           {-1, "1969-12-31T23:59:59.999Z"},
           {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
           {253'402'300'800'000, "9999-12-31T23:59:59.999Z"},
           {std::numeric_limits<WallMillis>::max(), "9999-12-31T23:59:59.999Z"},
           {std::numeric_limits<WallMillis>::min(), "0000-01-01T00:00:00.000Z"},
       }) {
    clock_.time = time;
    log_.line(Level::info, "test");
    EXPECT_THAT(written(), HasSubstr("\"time\":\"" + text + "\"")) << time;
  }
}

TEST_F(LogLineTest, LevelsBelowTheSetOneAreNotWritten) {
  service_.set(LogFormat::json, Level::warning);
  EXPECT_FALSE(log_.writes(Level::info));
  log_.line(Level::debug, "test").field("value", "x");
  log_.line(Level::info, "test").field("value", std::string(10'000, 'x')).field("n", 1).field("b", true);
  EXPECT_EQ(written(), "");
  log_.line(Level::warning, "test");
  EXPECT_THAT(written(), HasSubstr("warning"));
}

// What must not happen: log injection.  CR, LF, ESC, NUL and their kind, in every value.
TEST_F(LogLineTest, WhatCouldStartALineOrActOnATerminalIsEscaped) {
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

TEST_F(LogLineTest, WhatIsNotUtf8IsReplacedByteByByte) {
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

TEST_F(LogLineTest, TextInAnyLanguageStaysAsItIs) {
  for (const std::string value : {"j\xc3\xb6rg@b\xc3\xbc"
                                  "cher.example",
                                  "\xe6\xb8\xac\xe8\xa9\xa6", "\xf0\x9f\x93\xa7"}) {
    EXPECT_EQ(json(value), value);
    EXPECT_EQ(logfmt(value), "\"" + value + "\"");
  }
}

TEST_F(LogLineTest, NoByteAnywhereBreaksALine) {
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

TEST_F(LogLineTest, LogfmtQuotesWhatIsNotOneWord) {
  EXPECT_EQ(logfmt(""), R"("")");
  EXPECT_EQ(logfmt("a b"), R"("a b")");
  EXPECT_EQ(logfmt("a=b"), R"("a=b")");
  EXPECT_EQ(logfmt("a\"b"), R"("a\"b")");
  EXPECT_EQ(logfmt("[2001:db8::1]:25"), "[2001:db8::1]:25");
}

TEST_F(LogLineTest, LongValuesAreCutBetweenCharacters) {
  const std::string longest(kLogValueBytesMax, 'x');
  EXPECT_EQ(json(longest), longest);
  EXPECT_EQ(logfmt(longest), longest);
  EXPECT_EQ(json(longest + "y"), longest + "...");
  EXPECT_EQ(logfmt(longest + "y"), "\"" + longest + "...\"");
  const std::string before(kLogValueBytesMax - 1, 'x');
  EXPECT_EQ(json(before + "\xe2\x82\xac"), before + "...");
  // What is not UTF-8 has no boundary to look for.
  EXPECT_EQ(text::cut_value(std::string(2000, '\x80'), 1000).size(), 997U);
}

TEST_F(LogLineTest, TheLongestValueOfTheWorstBytesFits) {
  const std::string expected = json(std::string(kLogValueBytesMax, '\0'));
  EXPECT_EQ(expected.size(), kLogValueBytesMax * text::kEscapeExpansionMax);
}

TEST_F(LogLineTest, FieldsThatNoLongerFitAreLeftOutAndTheLineSaysSo) {
  for (const LogFormat format : {LogFormat::json, LogFormat::logfmt}) {
    service_.set(format, Level::info);
    {
      LogLine line = log_.line(Level::info, "test");
      for (int i = 0; i < 20; ++i) line.field("value", std::string(kLogValueBytesMax, i % 2 == 0 ? '\n' : 'x'));
      line.field("small", 7);
    }
    const std::string line = written();
    EXPECT_LE(line.size(), kLogLineBytesMax);
    EXPECT_EQ(std::ranges::count(line, '\n'), 1);
    EXPECT_THAT(
        line, EndsWith(format == LogFormat::json ? ",\"small\":7,\"truncated\":true}\n" : " small=7 truncated=true\n"));
  }
}

TEST_F(LogLineTest, EveryLengthUpToTheLimitEndsWell) {
  for (std::size_t last = 0; last <= 400; ++last) {
    {
      LogLine line = log_.line(Level::info, "test");
      for (int i = 0; i < 7; ++i) line.field("value", std::string(kLogValueBytesMax, 'x'));
      line.field("a", std::string(500, 'y'))
          .field("b", std::string(last, '\n'))
          .field("c", 1)
          .field("d", true)
          .field("e", Duration(1));
    }
    const std::string line = written();
    ASSERT_LE(line.size(), kLogLineBytesMax);
    ASSERT_THAT(line, EndsWith("}\n"));
  }
}

TEST_F(LogLineTest, ALineIsWrittenOnce) {
  {
    LogLine line = log_.line(Level::info, "test");
    line.end();
    line.field("late", 1);
    line.end();
  }
  const std::string text = written();
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  EXPECT_THAT(text, Not(HasSubstr("late")));
}

TEST_F(LogLineTest, ALineWithinALineIsNotLost) {
  const auto inner = [&] {
    log_.line(Level::info, "inner");
    return "x";
  };
  log_.line(Level::info, "outer").field("value", inner());
  const std::string text = written();
  EXPECT_THAT(text, HasSubstr("inner"));
  EXPECT_THAT(text, HasSubstr("outer"));
}

}  // namespace
}  // namespace sluice::log
