#include "auth/text.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::auth {
namespace {

using namespace std::string_literals;

TEST(CleanText, TakesUtf8OfEveryLength) {
  EXPECT_TRUE(is_clean_text(""));
  EXPECT_TRUE(is_clean_text("plain ASCII, ' OR 1=1 -- %n *)(uid=*"));
  EXPECT_TRUE(is_clean_text("\u00e9 \u0800 \u20ac \ud7ff \ue000 \uffff \U00010000 \U0010ffff"));
}

TEST(CleanText, RefusesEveryAsciiControlAndNul) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text = "a"s + static_cast<char>(byte) + "b";
    EXPECT_EQ(is_clean_text(text), byte >= 0x20 && byte != 0x7f) << byte;
  }
}

TEST(CleanText, RefusesC1ControlsAndLineSeparators) {
  for (int byte = 0x80; byte <= 0xbf; ++byte) {
    EXPECT_EQ(is_clean_text("\xc2"s + static_cast<char>(byte)), byte >= 0xa0) << byte;
  }
  EXPECT_FALSE(is_clean_text("a\u2028b"));
  EXPECT_FALSE(is_clean_text("a\u2029b"));
}

TEST(CleanText, RefusesWhatIsNotWellFormed) {
  for (const std::string& text : {
           "\x80"s,
           "\xbf"s,  // a continuation alone
           "\xc0\x8a"s,
           "\xc1\x8d"s,          // LF and CR, overlong
           "\xe0\x80\x8a"s,      // LF in three bytes
           "\xf0\x80\x80\x8a"s,  // LF in four
           "\xe0\x9f\xbf"s,      // overlong
           "\xf0\x8f\xbf\xbf"s,  // overlong
           "\xed\xa0\x80"s,
           "\xed\xbf\xbf"s,      // surrogates
           "\xf4\x90\x80\x80"s,  // past U+10FFFF
           "\xf5\x80\x80\x80"s,
           "\xff"s,
           "\xfe"s,
           "\xc3"s,
           "\xe2\x82"s,
           "\xf0\x9f\x92"s,  // cut off
           "\xc3\x28"s,
           "\xe2\x28\xa1"s,
           "\xf0\x28\x8c\xbc"s,
           "caf\xe9"s,  // Latin-1
       }) {
    EXPECT_FALSE(is_clean_text(text)) << ::testing::PrintToString(text);
    EXPECT_FALSE(is_clean_text("before" + text)) << ::testing::PrintToString(text);
  }
}

TEST(CleanText, ThatShowsSomethingElseIsNotShownAsItIs) {
  for (const char* const text : {"", "Müller GmbH", "日本語", "caf\u0065\u0301"})
    EXPECT_TRUE(shows_as_it_is(text)) << text;
  for (const char* const text : {"\u202egro.elpmaxe@knab", "a\u200bb", "\ufeffacme", "\u009b31m", "a\nb"})
    EXPECT_FALSE(shows_as_it_is(text)) << text;
}

TEST(AsciiLower, LeavesOtherBytesAlone) {
  EXPECT_EQ(ascii_lower("User@EXAMPLE.com \u00c9[]@`{"), "user@example.com \u00c9[]@`{");
  EXPECT_TRUE(equal_ignoring_case("PLAIN", "plain"));
  EXPECT_FALSE(equal_ignoring_case("PLAIN", "plai"));
  // 0x20 apart, and not letters.
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

}  // namespace
}  // namespace sluice::auth
