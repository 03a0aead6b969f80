#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "engine/smtp/scan.h"
#include "tests/unit/smtp/naive_scan.h"

namespace sluice::smtp {
namespace {

std::string stuff(std::string_view content, std::size_t split, std::string_view* end = nullptr) {
  DotStuffer stuffer;
  std::string out;
  while (!content.empty()) {
    std::string_view piece = content.substr(0, split);
    content.remove_prefix(piece.size());
    while (!piece.empty()) {
      const DotStuffer::Step step = stuffer.step(piece);
      out.append(piece.substr(0, step.copy));
      if (step.insert_dot) out.append(".");
      piece.remove_prefix(step.copy);
    }
  }
  if (end != nullptr) *end = stuffer.end();
  return out;
}

std::string unstuff(std::string_view data, std::size_t split) {
  DotUnstuffer unstuffer;
  std::string out;
  while (!data.empty()) {
    std::string_view piece = data.substr(0, split);
    data.remove_prefix(piece.size());
    while (!piece.empty()) {
      const DotUnstuffer::Step step = unstuffer.step(piece);
      out.append(piece.substr(0, step.copy));
      piece.remove_prefix(step.copy + step.skip);
    }
  }
  return out;
}

TEST(DotStuffer, DoublesLeadingDotsOnly) {
  EXPECT_EQ(stuff(".\r\n", 100), "..\r\n");
  EXPECT_EQ(stuff("a.b\r\n.c\r\n..d\r\n", 100), "a.b\r\n..c\r\n...d\r\n");
  EXPECT_EQ(stuff("a\r\n.", 100), "a\r\n..");
}

TEST(DotStuffer, TellsWhatEndsTheContent) {
  std::string_view end;
  stuff("a\r\n", 100, &end);
  EXPECT_EQ(end, ".\r\n");
  stuff("a", 100, &end);
  EXPECT_EQ(end, "\r\n.\r\n");
  stuff("a\r", 100, &end);
  EXPECT_EQ(end, "\r\n.\r\n");
  EXPECT_EQ(DotStuffer().end(), ".\r\n");
}

TEST(DotUnstuffer, TakesOneLeadingDotOff) {
  EXPECT_EQ(unstuff("..\r\n", 100), ".\r\n");
  EXPECT_EQ(unstuff("a.b\r\n..c\r\n...d\r\n.e", 100), "a.b\r\n.c\r\n..d\r\ne");
}

TEST(Dots, LikeTheReferenceAndThereAndBackAgain) {
  std::mt19937 random(42);
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (std::size_t size = random() % 60; text.size() < size;) {
      constexpr std::string_view kPieces[] = {"\r\n", ".", "a", "\r", "\n", "bc"};
      text += kPieces[random() % 6];
    }
    for (const std::size_t split : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100}}) {
      ASSERT_EQ(stuff(text, split), naive_stuff(text)) << ::testing::PrintToString(text);
      ASSERT_EQ(unstuff(text, split), naive_unstuff(text)) << ::testing::PrintToString(text);
      ASSERT_EQ(unstuff(stuff(text, split), split), text) << ::testing::PrintToString(text);
    }
  }
}

// What a stuffer sends, a scanner reads back: one message, whatever is in it.
TEST(Dots, StuffedContentEndsWhereItsEndIs) {
  std::mt19937 random(7);
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (std::size_t size = random() % 40; text.size() < size;) {
      constexpr std::string_view kPieces[] = {"\r\n", ".", "a", "\r\n.\r\n", "bc"};
      text += kPieces[random() % 5];
    }
    std::string_view end;
    std::string wire = stuff(text, 1 + random() % 5, &end);
    wire += end;
    DataScanner scanner;
    const DataScan scan = scanner.scan(wire + "QUIT\r\n");
    ASSERT_TRUE(scan.ended) << ::testing::PrintToString(text);
    ASSERT_EQ(scan.consumed, wire.size()) << ::testing::PrintToString(text);
    const std::string back = unstuff(wire.substr(0, scan.content), 3);
    ASSERT_EQ(back, text.empty() || text.ends_with("\r\n") ? text : text + "\r\n") << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace sluice::smtp
