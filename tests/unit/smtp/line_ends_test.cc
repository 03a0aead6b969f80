// Bare LFs that become CRLF: no message ends, and none begins, where none did before.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/smtp/scan.h"
#include "tests/unit/smtp/naive_scan.h"

namespace sluice::smtp {
namespace {

// Line by line, as the head of LineEndNormaliser says it.
std::string naive_normalised(std::string_view text, bool dot_stuffed) {
  std::string out;
  bool after_bare = false;
  while (!text.empty()) {
    const std::size_t lf = text.find('\n');
    std::string_view line = text.substr(0, lf);
    const bool ended = lf != std::string_view::npos;
    text.remove_prefix(ended ? lf + 1 : text.size());
    const bool bare = ended && !line.ends_with('\r');
    if (ended && !bare) line.remove_suffix(1);
    // A dot at the very end waits for what comes behind it.
    const bool judged = ended || line != ".";
    const bool first_alone = line.starts_with('.') && !line.starts_with("..");
    if (dot_stuffed && judged && first_alone && (after_bare || (bare && line == "."))) out += '.';
    out.append(line).append(ended ? "\r\n" : "");
    after_bare = bare;
  }
  return out;
}

// In pieces of this size; pieces without a bare LF are skipped where that can be.
std::string normalised(std::string_view text, bool dot_stuffed, std::size_t piece, bool skips = true) {
  LineEndNormaliser line_ends(dot_stuffed);
  TextChecker checker;
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    std::string_view input = text.substr(0, piece);
    const std::uint64_t bare_before = checker.flags().bare_lfs;
    checker.check(input);
    if (skips && checker.flags().bare_lfs == bare_before && line_ends.skip(input)) {
      out += input;
      continue;
    }
    while (!input.empty()) {
      const LineEndNormaliser::Step step = line_ends.step(input);
      EXPECT_TRUE(step.copy > 0 || !step.insert.empty());
      out.append(input.substr(0, step.copy)).append(step.insert);
      input.remove_prefix(step.copy);
    }
  }
  return out;
}

void expect_normalised(std::string_view content, bool dot_stuffed) {
  const std::string want = naive_normalised(content, dot_stuffed);
  for (std::size_t piece = 1; piece <= content.size(); ++piece) {
    ASSERT_EQ(normalised(content, dot_stuffed, piece), want)
        << testing::PrintToString(std::string(content)) << " by " << piece;
    ASSERT_EQ(normalised(content, dot_stuffed, piece, false), want)
        << testing::PrintToString(std::string(content)) << " by " << piece;
  }
  TextChecker checker;
  checker.check(want);
  ASSERT_FALSE(checker.flags().bare_lf) << testing::PrintToString(want);
}

// Whatever a client sends after DATA: what goes on is ended by what the scanner saw, and by nothing before it.
TEST(LineEnds, NothingEndsAMessageThatDidNotBefore) {
  constexpr std::string_view kBytes = ".\r\nx";
  for (std::size_t length = 1; length <= 7; ++length) {
    for (std::size_t number = 0; number < (std::size_t{1} << (2 * length)); ++number) {
      std::string bytes;
      for (std::size_t i = 0; i < length; ++i) bytes += kBytes[(number >> (2 * i)) & 3U];
      const NaiveScan sent = naive_scan(bytes + "\r\n.\r\n");
      ASSERT_TRUE(sent.ended);
      if (length < 7) expect_normalised(sent.content, true);
      const std::string wire = naive_normalised(sent.content, true) + ".\r\n";
      const NaiveScan arrived = naive_scan(wire);
      ASSERT_TRUE(arrived.ended);
      ASSERT_EQ(arrived.end, wire.size()) << testing::PrintToString(bytes);
      ASSERT_FALSE(arrived.flags.bare_lf);
      ASSERT_EQ(normalised(sent.content, true, sent.content.size() + 1) + ".\r\n", wire);
    }
  }
}

TEST(LineEnds, ContentOfKnownSizeHasNoDotsPutIn) {
  constexpr std::string_view kBytes = ".\r\nx";
  for (std::size_t number = 0; number < 4096; ++number) {
    std::string bytes;
    for (std::size_t i = 0; i < 6; ++i) bytes += kBytes[(number >> (2 * i)) & 3U];
    expect_normalised(bytes, false);
  }
}

TEST(LineEnds, DotsBehindABareLf) {
  const auto all = [](std::string_view text) { return normalised(text, true, text.size()); };
  EXPECT_EQ(all("a\n.\r\nb\r\n"), "a\r\n..\r\nb\r\n");
  EXPECT_EQ(all("a\n.\nb\n"), "a\r\n..\r\nb\r\n");
  EXPECT_EQ(all("a\r\n.\nb\r\n"), "a\r\n..\r\nb\r\n");
  EXPECT_EQ(all("a\n.b\r\n"), "a\r\n..b\r\n");
  EXPECT_EQ(all("a\n..b\r\n"), "a\r\n..b\r\n");  // stuffed by a program that ends its lines so
  EXPECT_EQ(all("a\n..\r\n"), "a\r\n..\r\n");
  EXPECT_EQ(all("a\r\n..b\n"), "a\r\n..b\r\n");
  EXPECT_EQ(all("a\r\n.b\n"), "a\r\n.b\r\n");
  EXPECT_EQ(all("\n\n\r\n"), "\r\n\r\n\r\n");
}

TEST(LineEnds, ABareCrStaysForAnotherCheckToRefuse) {
  for (const std::string_view text : {"a\rb\r\n", "a\r\r\n", "\r.\r\n", "a\r"})
    EXPECT_EQ(normalised(text, true, text.size()), text);
}

TEST(LineEnds, LinesAreMeasuredByTheirLfs) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::string(998, 'x') + (i % 3 == 0 ? "\r\n" : "\n");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{64}, text.size()}) {
    TextChecker lines(true);
    TextChecker strict;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      lines.check(std::string_view(text).substr(at, piece));
      strict.check(std::string_view(text).substr(at, piece));
    }
    EXPECT_FALSE(lines.flags().long_line) << piece;
    EXPECT_TRUE(strict.flags().long_line);
    EXPECT_EQ(lines.flags().bare_lfs, 66U);
    TextChecker too_long(true);
    for (std::size_t at = 0; at < 1000; at += piece) too_long.check((std::string(999, 'x') + "\n").substr(at, piece));
    EXPECT_TRUE(too_long.flags().long_line);
  }
}

}  // namespace
}  // namespace sluice::smtp
