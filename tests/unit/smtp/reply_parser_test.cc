#include "engine/smtp/reply_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

struct Parsed {
  std::vector<ParsedReply> replies;
  bool malformed = false;
  bool inside = false;
};

Parsed parse(std::string_view input, std::size_t split) {
  Parsed result;
  ReplyParser parser;
  while (!input.empty()) {
    std::string_view piece = input.substr(0, split);
    input.remove_prefix(piece.size());
    while (!piece.empty()) {
      const ReplyParser::Step step = parser.step(piece);
      piece.remove_prefix(step.consumed);
      if (step.status == ReplyStatus::complete) result.replies.push_back(parser.reply());
      if (step.status == ReplyStatus::malformed) {
        result.malformed = true;
        return result;
      }
    }
  }
  result.inside = parser.inside();
  return result;
}

TEST(ReplyParser, OneLineAndMany) {
  for (const std::size_t split : {1U, 2U, 3U, 5U, 1000U}) {
    const Parsed parsed = parse("220 hi\r\n250-one\r\n250-2.1.0 two\r\n250 three\r\n354\r\n550 5.7.1 no\r\n", split);
    ASSERT_EQ(parsed.replies.size(), 4U);
    EXPECT_FALSE(parsed.inside);
    EXPECT_EQ(parsed.replies[0].code, 220);
    EXPECT_EQ(parsed.replies[0].text, "hi");
    EXPECT_EQ(parsed.replies[1].text, "one\ntwo\nthree");
    EXPECT_EQ(parsed.replies[1].lines, 3U);
    EXPECT_EQ(parsed.replies[2].code, 354);
    EXPECT_EQ(parsed.replies[2].text, "");
    EXPECT_EQ(parsed.replies[3].enhanced, (EnhancedCode{5, 7, 1}));
    EXPECT_EQ(parsed.replies[3].text, "no");
  }
}

TEST(ReplyParser, AnEnhancedCodeOfAnotherClassIsText) {
  const Parsed parsed = parse("550 4.7.1 no\r\n", 100);
  ASSERT_EQ(parsed.replies.size(), 1U);
  EXPECT_FALSE(parsed.replies[0].enhanced.present());
  EXPECT_EQ(parsed.replies[0].text, "4.7.1 no");
}

TEST(ReplyParser, BareLfEndsALine) {
  const Parsed parsed = parse("250-a\n250 b\n", 1);
  ASSERT_EQ(parsed.replies.size(), 1U);
  EXPECT_EQ(parsed.replies[0].text, "a\nb");
}

TEST(ReplyParser, GarbageIsMalformed) {
  for (const std::string& bad :
       {"\r\n"s, "hi\r\n"s, "25\r\n"s, "2x0 ok\r\n"s, "250ok\r\n"s, "250_ok\r\n"s, "150 x\r\n"s, "650 x\r\n"s,
        "050 x\r\n"s, "250-a\r\n251 b\r\n"s, "553-\r\n250 x\r\n"s, "553-\r\n553-\r\nx\r\n"s, "250 a\0b\r\n"s,
        "250 a\rb\r\n"s, "\0\0\0\0\r\n"s, "HTTP/1.1 400 Bad Request\r\n"s, " 250 x\r\n"s}) {
    EXPECT_TRUE(parse(bad, 1000).malformed) << ::testing::PrintToString(bad);
    EXPECT_TRUE(parse(bad, 1).malformed) << ::testing::PrintToString(bad);
  }
}

TEST(ReplyParser, CleansText) {
  EXPECT_EQ(parse("250 a\x1b[2Jb\xff\r\n", 1000).replies.at(0).text, "a?[2Jb?");
  EXPECT_EQ(parse("250 a\xe2\x80\xae"
                  "b\xc3\xb6\r\n",
                  1000)
                .replies.at(0)
                .text,
            "a\\x{202E}b\xc3\xb6");
}

// A reply of 300 lines, or with a line of 10,000 bytes, was garbage: the message that it accepted was sent again.
TEST(ReplyParser, WhatIsLongIsReadToItsEndAndKeptInPart) {
  std::string many;
  for (int i = 0; i < 299; ++i) many += "250-line " + std::to_string(i) + "\r\n";
  const std::string wide = "250-2.0.0 " + std::string(10'000, 'x') + "\r\n";
  std::string much;
  for (int i = 0; i < 40; ++i) much += "550-" + std::string(1'000, 'y') + "\r\n";
  for (const std::size_t split : {1U, 7U, 2'049U, 1'000'000U}) {
    const Parsed parsed =
        parse(many + "250 end\r\n" + wide + "250 2.0.0 end\r\n" + much + "550 end\r\n220 next\r\n", split);
    ASSERT_EQ(parsed.replies.size(), 4U) << split;
    EXPECT_EQ(parsed.replies[0].code, 250);
    EXPECT_EQ(parsed.replies[0].lines, 300U);
    EXPECT_TRUE(parsed.replies[0].text.starts_with("line 0\nline 1\n"));
    EXPECT_TRUE(parsed.replies[0].text.ends_with("line 99"));
    EXPECT_EQ(parsed.replies[1].enhanced, (EnhancedCode{2, 0, 0}));
    EXPECT_TRUE(parsed.replies[1].text.ends_with("x\nend"));
    EXPECT_LE(parsed.replies[1].text.size(), kNextHopLineBytesMax + 4);
    EXPECT_LE(parsed.replies[2].text.size(), kNextHopReplyBytesMax);
    EXPECT_EQ(parsed.replies[3].text, "next");
  }
}

TEST(ReplyParser, WhatIsKeptOfALongReplyIsTheSameForAnySplit) {
  const std::string wide = "250-a" + std::string(5'000, 'x') + "\r\n250 " + std::string(3'000, 'y') + "\r\n";
  const std::string whole = parse(wide, 1'000'000).replies.at(0).text;
  for (const std::size_t split : {1U, 3U, 2'047U, 2'048U, 2'050U})
    EXPECT_EQ(parse(wide, split).replies.at(0).text, whole);
}

TEST(ReplyParser, WhatDoesNotEndIsMalformed) {
  EXPECT_FALSE(parse(std::string(kNextHopReplyReadBytesMax - 1, '2'), 10'000).malformed);
  EXPECT_TRUE(parse(std::string(kNextHopReplyReadBytesMax + 1, '2'), 10'000).malformed) << "no line end";
  std::string endless;
  while (endless.size() <= 2 * kNextHopReplyReadBytesMax) endless += "250-" + std::string(1'000, 'x') + "\r\n";
  EXPECT_TRUE(parse(endless, 7'000).malformed);
}

TEST(ReplyParser, GarbageIsShownByItsFirstBytes) {
  ReplyParser parser;
  EXPECT_EQ(parser.step("HTTP/1.1 400 \x1b[2J" + std::string(1'000, 'x') + "\r\n").status, ReplyStatus::malformed);
  EXPECT_TRUE(parser.garbage().starts_with("HTTP/1.1 400 ?[2Jxxx"));
  EXPECT_LE(parser.garbage().size(), kGarbageBytesShown);
}

TEST(ReplyParser, KnowsWhenItIsInside) {
  EXPECT_TRUE(parse("25", 1).inside);
  EXPECT_TRUE(parse("250-x\r\n", 1).inside);
  EXPECT_FALSE(parse("250 x\r\n", 1).inside);
}

}  // namespace
}  // namespace sluice::smtp
