#include "tools/load/stamp.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/smtp/scan.h"
#include "tools/load/content.h"

namespace sluice::load {
namespace {

constexpr MessageId kId{.run = 0x0123456789abcdef, .number = 17, .copies = 3};

const Content& content() {
  static const Content made("Sat, 28 Nov 2026 00:00:00 +0000", 5);
  return made;
}

std::string message(std::uint64_t bytes, bool dot_stuffed = false, const MessageId& id = kId) {
  Chain chain;
  const std::uint64_t size = content().append({.id = id,
                                               .from = "a@client.example",
                                               .to = "b@sink.example",
                                               .body_bytes = bytes,
                                               .due = Instant(std::chrono::seconds(3))},
                                              dot_stuffed, chain);
  if (!dot_stuffed) EXPECT_EQ(chain.size(), size);
  return chain.to_string();
}

StampCheck::Verdict verdict(std::string_view text, bool dot_stuffed = false, std::size_t step = SIZE_MAX) {
  StampCheck check(dot_stuffed);
  for (std::size_t at = 0; at < text.size(); at += std::min(step, text.size() - at)) check.feed(text.substr(at, step));
  return check.verdict();
}

TEST(StampTest, AnIdentityIsFoundInALocalPart) {
  const std::string text = identity_text(kId, 2);
  EXPECT_EQ(text, "0123456789abcdef-17-2-3");
  for (const std::string prefix : {"", "to-", "a-b-", "x+"}) {
    const auto found = find_identity(prefix == "x+" ? "x+-" + text : prefix + text);
    ASSERT_TRUE(found) << prefix;
    EXPECT_EQ(found->id, kId);
    EXPECT_EQ(found->copy, 2U);
  }
}

TEST(StampTest, NothingElseIsAnIdentity) {
  for (const char* text : {"", "bob", "1-2-3", "a-1-2-3", "0123456789abcdef-17-4-3", "0123456789abcdef-0-1-1",
                           "0123456789abcdef-1-1-0", "0123456789abcdef-1-1-99999", "0123456789abcdeg-1-1-1"})
    EXPECT_FALSE(find_identity(text)) << text;
}

TEST(StampTest, WhatWasSentIsIntactInWhateverPieces) {
  for (const std::uint64_t bytes : {0, 1, 2, 3, 71, 72, 73, 74, 1000, 4096, 80'000}) {
    for (const bool dot_stuffed : {false, true}) {
      const std::string text = message(bytes, dot_stuffed);
      for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{SIZE_MAX}}) {
        if (step == 1 && bytes > 5000) continue;
        EXPECT_EQ(verdict(text, dot_stuffed, step), StampCheck::Verdict::intact) << bytes << " by " << step;
      }
    }
  }
}

TEST(StampTest, TheStampSaysWhichOneItIs) {
  StampCheck check(/*dot_stuffed=*/false);
  check.feed(message(100));
  EXPECT_EQ(check.stamp().id, kId);
  EXPECT_EQ(check.stamp().due, Instant(std::chrono::seconds(3)));
  EXPECT_EQ(check.stamp().boot, 5U);
}

TEST(StampTest, BodiesHaveTheSizeThatWasAskedForAndLinesThatBeginWithADot) {
  bool dotted = false;
  for (std::uint64_t number = 1; number <= 20; ++number) {
    const std::string text = message(4096, false, {.run = 1, .number = number});
    const std::size_t body = text.find("\r\n\r\n") + 4;
    EXPECT_EQ(text.size() - body, 4096U);
    EXPECT_TRUE(text.ends_with("\r\n"));
    dotted = dotted || text.find("\r\n.", body) != std::string::npos;
  }
  EXPECT_TRUE(dotted);
}

TEST(StampTest, StuffedContentHasNoEndInIt) {
  smtp::DataScanner scanner;
  const std::string text = message(80'000, /*dot_stuffed=*/true) + ".\r\n";
  const smtp::DataScan scan = scanner.scan(text);
  EXPECT_TRUE(scan.ended);
  EXPECT_EQ(scan.consumed, text.size());
  EXPECT_FALSE(scanner.flags().bare());
}

TEST(StampTest, FieldsThatARelayPutsInFrontChangeNothing) {
  EXPECT_EQ(verdict("Received: from a by b;\r\n\tnow\r\nReturn-Path: <x>\r\n" + message(500)),
            StampCheck::Verdict::intact);
}

TEST(StampTest, EveryByteOfAMessageCounts) {
  const std::string text = message(300);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] ^= 1;
    EXPECT_NE(verdict(other), StampCheck::Verdict::intact) << at;
  }
}

TEST(StampTest, WhatIsCutOrAddedToIsChanged) {
  const std::string text = message(300);
  EXPECT_EQ(verdict(text.substr(0, text.size() - 1)), StampCheck::Verdict::changed);
  EXPECT_EQ(verdict(text + "\r\n"), StampCheck::Verdict::changed);
  std::string stuffed = message(80'000, /*dot_stuffed=*/true);
  EXPECT_EQ(verdict(stuffed, /*dot_stuffed=*/false), StampCheck::Verdict::changed) << "a dot too many is a change";
}

TEST(StampTest, AMessageWithoutItHasNoStamp) {
  EXPECT_EQ(verdict(""), StampCheck::Verdict::no_stamp);
  EXPECT_EQ(verdict("From: a@b.example\r\n\r\nX-Sluice-Load: run=1; n=1\r\n"), StampCheck::Verdict::no_stamp);
  EXPECT_EQ(verdict("X-Sluice-Load: run=1; n=1\r\n\r\n"), StampCheck::Verdict::no_stamp);
  EXPECT_EQ(verdict(std::string(StampCheck::kHeaderBytesMax + 4096, 'x') + "\r\n" + message(10), false, 4096),
            StampCheck::Verdict::no_stamp);
}

TEST(StampTest, SizesAreWhatTheyWereAskedToBe) {
  EXPECT_EQ(Sizes::parse("4096")->of(9), 4096U);
  EXPECT_EQ(Sizes::parse("1K,2M")->of(2), 1024U);
  EXPECT_EQ(Sizes::parse("1K,2M")->of(3), 2U << 20);
  const auto range = Sizes::parse("10-20");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->max(), 20U);
  for (std::uint64_t number = 1; number < 1000; ++number) {
    EXPECT_GE(range->of(number), 10U);
    EXPECT_LE(range->of(number), 20U);
    EXPECT_EQ(range->of(number), range->of(number));
  }
  for (const char* text : {"", "x", "4096x", "20-10", "1-2-3", "2000M", "-5", "5-"})
    EXPECT_FALSE(Sizes::parse(text)) << text;
}

}  // namespace
}  // namespace sluice::load
