#include "engine/smtp/reply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/smtp/limits.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

std::string written(const Reply& reply, std::string_view suffix = {}, Charset charset = Charset::ascii) {
  std::string out;
  ReplyWriter(out).write(reply, suffix, charset);
  return out;
}

TEST(ReplyWriter, OneLine) {
  EXPECT_EQ(written(replies::kBadSequence), "503 5.5.1 Bad sequence of commands\r\n");
  EXPECT_EQ(written(replies::kSendData), "354 End data with <CR><LF>.<CR><LF>\r\n");
  EXPECT_EQ(written({550, {5, 7, 1}, ""}), "550 5.7.1 \r\n");
}

TEST(ReplyWriter, ManyLinesEachWithTheEnhancedCode) {
  EXPECT_EQ(written({550, {5, 7, 1}, "one\ntwo\nthree"}), "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\r\n");
  EXPECT_EQ(written({550, {5, 7, 1}, "one\ntwo"}, "see x"), "550-5.7.1 one\r\n550 5.7.1 two see x\r\n");
}

TEST(ReplyWriter, NothingUnprintableLeaves) {
  EXPECT_EQ(written({550, {5, 7, 1}, "a\rb\0c\x1b[2Jd\x7f\xff"s}), "550 5.7.1 a?b?c?[2Jd??\r\n");
  EXPECT_EQ(written({550, {5, 7, 1}, "j\xc3\xb6rg \xc2\x85"}, {}, Charset::utf8), "550 5.7.1 j\xc3\xb6rg ?\r\n");
  EXPECT_EQ(written({550, {5, 7, 1}, "a"}, "x\r\n250 ok"), "550 5.7.1 a x??250 ok\r\n");
}

TEST(ReplyWriter, LongLinesAreCutNeverInsideACharacter) {
  std::string text;
  while (text.size() < 2000) text += "\xc3\xb6";
  const std::string line = written({550, {5, 7, 1}, text}, {}, Charset::utf8);
  EXPECT_LE(line.size(), kReplyLineBytesMax);
  EXPECT_EQ(line.find('?'), std::string::npos);
  const std::string escaped = written({550, {5, 7, 1}, text});
  EXPECT_LE(escaped.size(), kReplyLineBytesMax);
  EXPECT_TRUE(escaped.ends_with("\\x{F6}\r\n")) << escaped;
}

// A next hop's text in UTF-8 went on to clients that had not said SMTPUTF8.
TEST(ReplyWriter, IsAsciiUnlessTheClientTakesUtf8) {
  const Reply reply(550, {5, 1, 1}, "k\xc3\xb6nnte \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(written(reply), "550 5.1.1 k\\x{F6}nnte \\x{20AC} \\x{1F600}\r\n");
  EXPECT_EQ(written(reply, {}, Charset::utf8), "550 5.1.1 k\xc3\xb6nnte \xe2\x82\xac \xf0\x9f\x98\x80\r\n");
  EXPECT_EQ(written({550, {5, 7, 1}, "a"}, "\xc3\xb6"), "550 5.7.1 a \\x{F6}\r\n");
  std::string out;
  ReplyWriter(out).write_plain(220, "\xc3\xb6");
  EXPECT_EQ(out, "220 \\x{F6}\r\n");
}

TEST(ReplyWriter, WhatTurnsTextAroundIsSentToNoClient) {
  for (const char* const misleading : {"\xe2\x80\xae", "\xe2\x81\xa6", "\xd8\x9c", "\xe2\x80\x8b", "\xef\xbb\xbf"}) {
    const std::string line = written({550, {5, 1, 1}, "a" + std::string(misleading) + "b"}, {}, Charset::utf8);
    EXPECT_EQ(line.find(misleading), std::string::npos) << line;
    EXPECT_TRUE(line.starts_with("550 5.1.1 a\\x{")) << line;
    EXPECT_TRUE(line.ends_with("}b\r\n")) << line;
  }
}

TEST(ReplyWriter, RefusesACodeOfAnotherClass) {
  EXPECT_DEATH(written({550, {4, 7, 1}, "x"}), "check failed");
  EXPECT_DEATH(written({250, {}, "x"}), "check failed");
  EXPECT_DEATH(written({354, {2, 0, 0}, "x"}), "check failed");
}

TEST(ReplyWriter, Challenge) {
  std::string out;
  ReplyWriter writer(out);
  writer.write_challenge("Username:");
  writer.write_challenge("");
  EXPECT_EQ(out, "334 VXNlcm5hbWU6\r\n334 \r\n");
  EXPECT_EQ(writer.count(), 2U);
}

TEST(RelayedReply, IsBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "line of some length that goes on\n";
  const Reply reply = Reply::relayed(550, {5, 1, 1}, text);
  EXPECT_LE(reply.text().size(), kRelayedBytesMax);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(reply.text(), '\n')), kRelayedLinesMax - 1);
  EXPECT_TRUE(reply.text().ends_with("...")) << "the mark that there was more";
  for (std::size_t size = 1; size < 1200; ++size) {
    const std::string one(size, 'x');
    EXPECT_EQ(Reply::relayed(550, {5, 1, 1}, one).text(),
              size <= kReplyTextBytesMax ? one : std::string(kReplyTextBytesMax - 3, 'x') + "...");
    const std::string lines = std::string(480, 'a') + "\n" + std::string(480, 'b') + "\n" + one + "\nend";
    const std::string relayed(Reply::relayed(550, {5, 1, 1}, lines).text());
    EXPECT_LE(relayed.size(), kRelayedBytesMax);
    EXPECT_TRUE(relayed == lines || relayed.ends_with("...")) << size;
  }
  std::string umlauts;
  while (umlauts.size() < 1000) umlauts += "ü";
  EXPECT_EQ(written(Reply::relayed(550, {5, 1, 1}, umlauts)).find('?'), std::string::npos) << "no character in two";
}

TEST(RelayedReply, IsCleanAndOfTheRightClass) {
  EXPECT_EQ(written(Reply::relayed(550, {}, "no\x1b such\r\nuser")), "550-5.0.0 no? such?\r\n550 5.0.0 user\r\n");
  EXPECT_EQ(written(Reply::relayed(550, {4, 2, 1}, "x")), "550 5.0.0 x\r\n");
  EXPECT_EQ(written(Reply::relayed(452, {4, 2, 2}, "full")), "452 4.2.2 full\r\n");
}

// What the next hop says about its dialog with us is not what our client may take for its own.
TEST(RelayedReply, CodesAboutTheSessionAreNotPassedOn) {
  EXPECT_EQ(Reply::relayed(421, {4, 3, 2}, "closing").code(), 451);
  for (const int code : {500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 555, 571}) {
    EXPECT_EQ(Reply::relayed(static_cast<std::uint16_t>(code), {}, "x").code(), 554) << code;
  }
  EXPECT_EQ(Reply::relayed(221, {}, "x").code(), 250);
  EXPECT_EQ(Reply::relayed(454, {}, "x").code(), 451);
  for (const int code : {250, 251, 450, 451, 452, 550, 551, 552, 553, 554, 556}) {
    EXPECT_EQ(Reply::relayed(static_cast<std::uint16_t>(code), {}, "x").code(), code);
  }
}

TEST(EnhancedCode, Parses) {
  std::string_view rest;
  EXPECT_EQ(parse_enhanced_code("5.7.1 no", rest), (EnhancedCode{5, 7, 1}));
  EXPECT_EQ(rest, "no");
  EXPECT_EQ(parse_enhanced_code("2.100.999", rest), (EnhancedCode{2, 100, 999}));
  EXPECT_EQ(rest, "");
  for (const char* bad :
       {"", "5", "5.7", "5.7.", "5.7.1x", "3.0.0 x", "1.0.0", "5.1000.1", "5.7.1.1", "05.7.1", "5.07.1", "x5.7.1"}) {
    EXPECT_FALSE(parse_enhanced_code(bad, rest).present()) << bad;
    EXPECT_EQ(rest, bad);
  }
}

}  // namespace
}  // namespace sluice::smtp
