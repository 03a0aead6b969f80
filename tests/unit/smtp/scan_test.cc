#include "engine/smtp/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/smtp/scan_block.h"
#include "tests/unit/smtp/naive_scan.h"

namespace sluice::smtp {
namespace {

using std::string_literals::operator""s;

struct Scanned {
  bool ended = false;
  std::size_t end = 0;
  std::string content;
  ContentFlags flags;
};

// Scans `bytes` in pieces of the sizes given, the last of which is repeated.
Scanned scan_in(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  Scanned run;
  DataScanner scanner;
  std::size_t piece = 0;
  while (run.end < bytes.size() && !run.ended) {
    const std::size_t size = sizes[std::min(piece++, sizes.size() - 1)];
    const std::string_view input = bytes.substr(run.end, size);
    const DataScan scan = scanner.scan(input);
    EXPECT_LE(scan.content, scan.consumed);
    run.content.append(scan.carried).append(input.substr(0, scan.content));
    run.end += scan.consumed;
    run.ended = scan.ended;
    if (!scan.ended) EXPECT_EQ(scan.consumed, input.size());
  }
  EXPECT_EQ(scanner.content_bytes(), run.content.size());
  run.flags = scanner.flags();
  return run;
}

void expect_flags(const ContentFlags& got, const ContentFlags& want, std::string_view text) {
  EXPECT_EQ(got.bare_cr, want.bare_cr) << ::testing::PrintToString(text);
  EXPECT_EQ(got.bare_lf, want.bare_lf) << ::testing::PrintToString(text);
  EXPECT_EQ(got.nul, want.nul) << ::testing::PrintToString(text);
  EXPECT_EQ(got.eight_bit, want.eight_bit) << ::testing::PrintToString(text);
  EXPECT_EQ(got.long_line, want.long_line) << ::testing::PrintToString(text);
  if (want.bare()) EXPECT_EQ(got.bare_offset, want.bare_offset) << ::testing::PrintToString(text);
}

void expect_like_naive(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  const NaiveScan want = naive_scan(bytes);
  const Scanned got = scan_in(bytes, sizes);
  ASSERT_EQ(got.ended, want.ended) << ::testing::PrintToString(bytes);
  if (!want.ended) return;
  EXPECT_EQ(got.end, want.end) << ::testing::PrintToString(bytes);
  EXPECT_EQ(got.content, want.content) << ::testing::PrintToString(bytes);
  expect_flags(got.flags, want.flags, bytes);
}

void expect_like_naive_at_every_split(std::string_view bytes) {
  expect_like_naive(bytes, {1});
  for (std::size_t first = 1; first <= bytes.size(); ++first) expect_like_naive(bytes, {first, bytes.size()});
}

TEST(DataScanner, FindsTheEndOfAPlainMessage) {
  const Scanned run = scan_in("a\r\nb\r\n.\r\nQUIT\r\n", {100});
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.end, 9U);
  EXPECT_EQ(run.content, "a\r\nb\r\n");
  EXPECT_FALSE(run.flags.bare());
}

TEST(DataScanner, ADotAtOnceEndsAnEmptyMessage) {
  const Scanned run = scan_in(".\r\nQUIT\r\n", {100});
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.end, 3U);
  EXPECT_EQ(run.content, "");
}

TEST(DataScanner, KeepsDotStuffing) {
  EXPECT_EQ(scan_in("..\r\n...a\r\n.b\r\n.\r\n", {100}).content, "..\r\n...a\r\n.b\r\n");
  expect_like_naive_at_every_split("..\r\n...a\r\n.b\r\n.\r\n");
}

// The smuggling list: what others took for an end.  None of these ends the message, all of them are
// flagged, and the real end is found.
class Smuggling : public ::testing::TestWithParam<std::string> {};

TEST_P(Smuggling, OnlyCrLfDotCrLfEnds) {
  for (const std::string& before : {""s, "x"s, "text\r\n"s, std::string(61, 'a'), std::string(62, 'a'),
                                    std::string(63, 'a'), std::string(64, 'a'), std::string(130, 'a')}) {
    const std::string fake = before + GetParam();
    const std::string bytes =
        fake + "MAIL FROM:<evil@example.org>\r\nRCPT TO:<x@example.org>\r\nDATA\r\nhi\r\n.\r\n" + "QUIT\r\n";
    const Scanned run = scan_in(bytes, {bytes.size()});
    ASSERT_TRUE(run.ended);
    EXPECT_EQ(run.end, bytes.size() - 6);
    EXPECT_TRUE(run.flags.bare());
    expect_like_naive_at_every_split(bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(DataScanner, Smuggling,
                         ::testing::Values("a\n.\n"s, "a\n.\r\n"s, "a\r\n.\n"s, "a\r.\r\n"s, "a\r\n.\rb"s, "\r.\r"s,
                                           "\n.\r"s, "a\r\n.\r\r\n"s, "a\r\n\0.\r\n\n"s, "a\r\r\n.\n"s, "a\n\r.\r\n"s));

TEST(DataScanner, ANulBeforeTheDotIsNoEnd) {
  const Scanned run = scan_in("a\r\n\0.\r\nb\r\n.\r\n"s, {100});
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.content, "a\r\n\0.\r\nb\r\n"s);
  EXPECT_TRUE(run.flags.nul);
  EXPECT_FALSE(run.flags.bare());
}

TEST(DataScanner, TellsWhereTheFirstBareByteIs) {
  EXPECT_EQ(scan_in("ab\ncd\re\r\n.\r\n", {100}).flags.bare_offset, 2U);
  EXPECT_EQ(scan_in("ab\rcd\ne\r\n.\r\n", {1}).flags.bare_offset, 2U);
  const Scanned run = scan_in(std::string(200, 'x') + "\n" + std::string(200, 'y') + "\r\n.\r\n", {1000});
  EXPECT_EQ(run.flags.bare_offset, 200U);
  EXPECT_TRUE(run.flags.bare_lf);
  EXPECT_FALSE(run.flags.bare_cr);
}

TEST(DataScanner, LineLimitIs998WithoutTheTransparentDot) {
  for (const std::size_t split : {1U, 64U, 999U, 5000U}) {
    EXPECT_FALSE(scan_in(std::string(998, 'x') + "\r\n.\r\n", {split}).flags.long_line);
    EXPECT_TRUE(scan_in(std::string(999, 'x') + "\r\n.\r\n", {split}).flags.long_line);
    EXPECT_FALSE(scan_in("." + std::string(998, '.') + "\r\n.\r\n", {split}).flags.long_line);
    EXPECT_TRUE(scan_in("." + std::string(999, '.') + "\r\n.\r\n", {split}).flags.long_line);
    EXPECT_TRUE(scan_in("a\r\n" + std::string(999, 'x') + "\r\n.\r\n", {split}).flags.long_line);
    EXPECT_FALSE(scan_in("a\r\n" + std::string(998, 'x') + "\r\nb\r\n.\r\n", {split}).flags.long_line);
  }
}

TEST(DataScanner, RefusesToGoOnAfterTheEnd) {
  DataScanner scanner;
  EXPECT_TRUE(scanner.scan(".\r\n").ended);
  EXPECT_DEATH(scanner.scan("x"), "check failed");
}

// Every text of up to seven bytes over the alphabet that matters, whole and byte by byte.
TEST(DataScanner, LikeTheReferenceOnEveryShortText) {
  constexpr std::string_view kAlphabet = "\r\n.a";
  for (std::size_t size = 0; size <= 7; ++size) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < size; ++i) count *= kAlphabet.size();
    for (std::size_t number = 0; number < count; ++number) {
      std::string text;
      for (std::size_t i = 0, rest = number; i < size; ++i, rest /= kAlphabet.size())
        text += kAlphabet[rest % kAlphabet.size()];
      text += "\r\n.\r\n";
      expect_like_naive(text, {text.size()});
      expect_like_naive(text, {1});
      if (HasFailure()) return;
    }
  }
}

// Long enough for blocks, and split where blocks and seams disagree.
std::string random_text(std::mt19937& random, std::size_t size) {
  static const std::vector<std::string> kPieces{"\r\n",
                                                "\r\n",
                                                "\r\n",
                                                ".",
                                                "\r\n.",
                                                "a",
                                                "word ",
                                                "\r",
                                                "\n",
                                                "\0"s,
                                                "\xc3\xa9",
                                                std::string(60, 'x'),
                                                std::string(500, 'y'),
                                                "\r\n..",
                                                "\r\n.\r"};
  std::string text;
  const bool clean = random() % 2 == 0;
  while (text.size() < size) {
    const std::string& piece = kPieces[random() % kPieces.size()];
    if (clean && (piece == "\r" || piece == "\n" || piece == "\r\n.\r")) continue;
    text += piece;
  }
  return text + "\r\n.\r\nQUIT\r\n";
}

TEST(DataScanner, LikeTheReferenceOnRandomTexts) {
  std::mt19937 random(5321);
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    const std::string text = random_text(random, random() % 3000);
    expect_like_naive(text, {text.size()});
    expect_like_naive(text, {1 + random() % 200});
    expect_like_naive(text, {1 + random() % 100, 1 + random() % 100, 1 + random() % 4});
  }
}

TEST(TextChecker, LikeTheReferenceOnRandomTexts) {
  std::mt19937 random(3030);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const std::string text = random_text(random, random() % 2000) + (i % 3 == 0 ? "\r" : "");
    const std::size_t split = 1 + random() % 150;
    TextChecker checker;
    for (std::size_t at = 0; at < text.size(); at += split) checker.check(std::string_view(text).substr(at, split));
    checker.finish();
    expect_flags(checker.flags(), naive_flags(text, false), text);
    EXPECT_EQ(checker.content_bytes(), text.size());
  }
}

TEST(TextChecker, ACrAtTheEndIsBare) {
  TextChecker checker;
  checker.check("abc\r");
  EXPECT_FALSE(checker.flags().bare_cr);
  checker.finish();
  EXPECT_TRUE(checker.flags().bare_cr);
  EXPECT_EQ(checker.flags().bare_offset, 3U);
}

TEST(TextChecker, ABareCrAtTheEndCountsAsAnByteOfItsLine) {
  TextChecker checker;
  checker.check(std::string(998, 'x') + "\r");
  EXPECT_FALSE(checker.flags().long_line);
  checker.finish();
  EXPECT_TRUE(checker.flags().long_line);
}

TEST(LoadBlock, VectorsAndPlainCodeAgree) {
  std::mt19937 random(64);
  for (int i = 0; i < 2000; ++i) {
    std::string block(scan_detail::kBlockBytes, 'a');
    for (char& c : block) {
      if (random() % 3 == 0) c = "\r\n.\0\xff\x80\x7f\x01"[random() % (i % 2 == 0 ? 8 : 3)];
    }
    const auto got = scan_detail::load_block(block.data());
    const auto want = scan_detail::load_block_portable(block.data());
    ASSERT_EQ(got.cr, want.cr);
    ASSERT_EQ(got.lf, want.lf);
    ASSERT_EQ(got.dot, want.dot);
    ASSERT_EQ(got.nul, want.nul);
    ASSERT_EQ(got.eight_bit, want.eight_bit);
  }
}

TEST(FindLine, TellsWhatALineIs) {
  EXPECT_EQ(find_line("NOOP\r\nQUIT\r\n").status, LineStatus::line);
  EXPECT_EQ(find_line("NOOP\r\nQUIT\r\n").size, 4U);
  EXPECT_EQ(find_line("NOOP\r\nQUIT\r\n").end, 6U);
  EXPECT_EQ(find_line("").status, LineStatus::partial);
  EXPECT_EQ(find_line("NOOP").status, LineStatus::partial);
  EXPECT_EQ(find_line("NOOP\r").status, LineStatus::partial);
  EXPECT_EQ(find_line("NO\rOP\r\n").status, LineStatus::bare_cr);
  EXPECT_EQ(find_line("NOOP\n").status, LineStatus::bare_lf);
  EXPECT_EQ(find_line("NO\0OP\r\n"s).status, LineStatus::unclean);
  EXPECT_EQ(find_line("NOOP\t\r\n").status, LineStatus::line) << "a blank";
  EXPECT_EQ(find_line("NOOP\t\x01\r\n").status, LineStatus::unclean);
  EXPECT_EQ(find_line("NOOP\x01\t\r\n").status, LineStatus::unclean);
  EXPECT_EQ(find_line("NOOP\x7f\r\n").status, LineStatus::unclean);
  EXPECT_EQ(find_line("NOOP \xc3\xa9\r\n").status, LineStatus::line);
  EXPECT_EQ(find_line(std::string(100, 'a') + "\r\n").size, 100U);
}

TEST(FindLine, EveryControlCharacterAtEveryPlace) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'a');
      text[at] = static_cast<char>(c);
      text += "\r\n";
      const LineStatus want = c == '\r'                              ? LineStatus::bare_cr
                              : c == '\n'                            ? LineStatus::bare_lf
                              : (c < 0x20 && c != '\t') || c == 0x7f ? LineStatus::unclean
                                                                     : LineStatus::line;
      // "\r" as the last byte before CRLF is bare too.
      EXPECT_EQ(find_line(text).status, want) << c << " at " << at;
    }
  }
}

}  // namespace
}  // namespace sluice::smtp
