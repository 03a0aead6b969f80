// Filter and sketch beside the naive ones: of texts, HTML and worse, in pieces of all sizes.
#include "tests/unit/noticing/naive_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "policy/noticing/text_filter.h"
#include "policy/noticing/text_loops.h"
#include "policy/noticing/text_sketch.h"
#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

std::string base64_lines(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t i = 0; i + 3 <= text.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = i; j < i + 3; ++j) three = three << 8 | static_cast<unsigned char>(text[j]);
    for (const int shift : {18, 12, 6, 0}) encoded += kAlphabet[three >> shift & 63];
    if (i % 57 == 54) encoded += "\r\n";
  }
  return encoded + "=\r\n";
}

constexpr std::array<std::string_view, 40> kMarkup = {
    "<p>",
    "</p>",
    "<P CLASS=\"x\">",
    "<a href=\"http://host.example/\">",
    "</a>",
    "<span>",
    "</span>",
    "<strong>",
    "<STRONG>",
    "<style>",
    "</style>",
    "<Style type=\"text/css\">",
    "</STYLE>",
    "<script>",
    "</script>",
    "<script src='a'>",
    "</script",
    "<styles>",
    "</styles>",
    "<scriptx>",
    "<!-- ",
    " -->",
    "<!DOCTYPE html>",
    "<?xml ?>",
    "<",
    ">",
    "<<",
    "<>",
    "</>",
    "< ",
    "<1",
    "<s",
    "</s",
    "</ script>",
    "<td>",
    "<img src=\"cid:1\" alt=\"a > b\">",
    "\r\n",
    "\t",
    "&nbsp;",
    "<\n",
};

// Something of all that a content may have.
std::string some_piece(Draw& draw) {
  switch (draw.between(0, 11)) {
    case 0:
      return some_words(draw, draw.between(0, 60));
    case 1:
      return some_words(draw, draw.between(0, 4));
    case 2:
      return std::string(draw.between(0, 1200), 'x');
    case 3:
      return "<a title=\"" + std::string(draw.between(900, 1100), 'y') + ">";
    case 4:
      return "<s" + std::string(draw.between(900, 1100), draw.chance(0.5) ? 't' : ' ') + ">";
    case 5:
      return draw.chance(0.3) ? base64_lines(some_words(draw, draw.between(0, 80))) : "";
    case 6:
      return draw.chance(0.3) ? base64_lines("<p>" + some_words(draw, draw.between(0, 40)) + "<style>a</style") : "";
    case 7: {
      std::string wide;
      for (std::uint32_t left = draw.between(0, 30); left > 0; --left) {
        wide += "\xE4";
        wide += static_cast<char>(0xB8 + draw.next() % 4);
        wide += static_cast<char>(0x80 + draw.next() % 64);
      }
      return wide;
    }
    case 8: {
      std::string bytes;
      for (std::uint32_t left = draw.between(0, 40); left > 0; --left) bytes += static_cast<char>(draw.next());
      return bytes;
    }
    default:
      return std::string(kMarkup.at(draw.next() % kMarkup.size()));
  }
}

// As mail programs write it.
std::string some_html(Draw& draw, std::size_t size) {
  std::string html = "<html><head><style>p { color: black; }</style></head><body>\r\n";
  while (html.size() < size)
    html += "<p class=\"x\">" + some_words(draw, draw.between(1, 30)) + "</p><a href=\"http://host.example/\">" +
            some_words(draw, draw.between(0, 3)) + "</a><br />\r\n";
  return html.substr(0, size);
}

std::string some_content(Draw& draw, std::size_t size) {
  if (draw.chance(0.3)) return some_html(draw, size);
  std::string content;
  const double markup = draw.share();
  while (content.size() < size)
    content += draw.chance(markup) ? std::string(kMarkup.at(draw.next() % kMarkup.size())) : some_piece(draw);
  return content.substr(0, size);
}

// Each piece is a copy of its own, so that a read behind its end is seen.
template <typename Size>
TextSketch sketched(const TextLoops& loops, std::string_view content, Size size) {
  TextSketcher sketcher(loops);
  while (!content.empty()) {
    const std::string_view piece = content.substr(0, size());
    sketcher.feed(std::string(piece));
    content.remove_prefix(piece.size());
  }
  return sketcher.finish();
}

// With `room` at a time, and no byte more than is allowed.
std::string kept(const TextLoops& loops, std::string_view content, std::size_t size, std::size_t room) {
  TextFilter filter(loops);
  std::string all;
  for (; !content.empty(); content.remove_prefix(std::min(size, content.size()))) {
    const std::string piece(content.substr(0, size));
    std::string_view rest = piece;
    while (!rest.empty()) {
      const auto out = std::make_unique<char[]>(room + TextFilter::kSlackBytes);
      const std::size_t written = filter.keep(rest, out.get(), room);
      EXPECT_LE(written, room + kBlockBytes);
      all.append(out.get(), written);
    }
  }
  return all;
}

// With the loops for each kind of machine that this one can be.
class NaiveSketchTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  const TextLoops& loops_ = all_text_loops()[GetParam()];
};

TEST_P(NaiveSketchTest, SketchesOfContentOfAllKindsAreTheNaiveOnes) {
  Draw draw(11);
  std::size_t sketches = 0;
  for (int round = 0; round < 600; ++round) {
    const std::string content = some_content(draw, draw.between(0, round % 10 == 0 ? 20'000 : 4'000));
    const TextSketch wanted = naive_sketch(content);
    ASSERT_EQ(sketched(loops_, content, [&] { return content.size(); }), wanted) << "round " << round;
    ASSERT_EQ(sketched(loops_, content, [&] { return draw.between(1, 3000); }), wanted) << "round " << round;
    sketches += wanted.empty() ? 0 : 1;
  }
  EXPECT_GE(sketches, 400U);
}

TEST_P(NaiveSketchTest, SketchesOfLongHtmlAreTheNaiveOnes) {
  Draw draw(14);
  for (int round = 0; round < 300; ++round) {
    const std::string html = some_html(draw, draw.between(4'000, 18'000));
    ASSERT_EQ(sketched(loops_, html, [&] { return html.size(); }), naive_sketch(html)) << "round " << round;
  }
}

TEST_P(NaiveSketchTest, ContentIsSplitAtEachByte) {
  Draw draw(12);
  for (int round = 0; round < 6; ++round) {
    const std::string content = some_content(draw, 2'600);
    const TextSketch wanted = naive_sketch(content);
    for (std::size_t split = 1; split < content.size(); ++split) {
      bool first = true;
      ASSERT_EQ(sketched(loops_, content, [&] { return std::exchange(first, false) ? split : content.size(); }), wanted)
          << "round " << round << ", split at " << split;
    }
    for (const std::size_t size : {1U, 2U, 63U, 64U, 127U, 128U, 129U, 191U, 1000U})
      ASSERT_EQ(sketched(loops_, content, [&] { return size; }), wanted) << "round " << round << ", pieces of " << size;
  }
}

TEST_P(NaiveSketchTest, TheFilterKeepsWhatTheNaiveOneKeeps) {
  Draw draw(13);
  for (int round = 0; round < 300; ++round) {
    const std::string content = some_content(draw, draw.between(0, 4'000));
    const std::string wanted = naive_text(content);
    for (const std::size_t room : {1UZ, 63UZ, 64UZ, 512UZ, 5000UZ})
      ASSERT_EQ(kept(loops_, content, draw.between(1, 2000), room), wanted) << "round " << round << ", room " << room;
    ASSERT_EQ(kept(loops_, content, content.size() + 1, draw.between(1, 300)), wanted) << "round " << round;
  }
}

// Brackets that are no tags: quotations, comparisons, tags within tags.
TEST_P(NaiveSketchTest, BracketsThatMeanNothingChangeNothing) {
  constexpr std::array<std::string_view, 12> kParts = {"<",  ">",    "<<", ">>",  "<b",   "<b>",
                                                       "< ", "<st ", "</", "x y", "<s>a", "word "};
  Draw draw(15);
  for (int round = 0; round < 2000; ++round) {
    std::string content;
    while (content.size() < 700) {
      const std::string_view part = kParts.at(draw.next() % kParts.size());
      for (std::uint32_t left = draw.chance(0.1) ? draw.between(1, 70) : 1; left > 0; --left) content += part;
    }
    ASSERT_EQ(kept(loops_, content, content.size(), draw.between(1, 800)), naive_text(content)) << content;
    ASSERT_EQ(sketched(loops_, content, [&] { return content.size(); }), naive_sketch(content)) << content;
  }
}

// A run is that of base64 from 56 bytes on, wherever it lies in a block.
TEST_P(NaiveSketchTest, RunsOfAllLengthsAtAllPlaces) {
  Draw draw(16);
  for (std::size_t size = 50; size < 140; ++size) {
    std::string content = some_words(draw, 5);
    for (std::size_t place = 0; place < 66; ++place) {
      content += base64_lines(some_words(draw, 60)).substr(0, size);
      content += std::string(draw.between(1, 3), ' ') + "a b\r\n";
    }
    ASSERT_EQ(sketched(loops_, content, [&] { return content.size(); }), naive_sketch(content)) << size;
  }
}

// What must not happen: a text whose tags lie over the ends of all blocks is written without an end.
TEST_P(NaiveSketchTest, RoomIsKeptWhereEachBlockEndsWithinATag) {
  std::string content;
  for (int i = 0; i < 300; ++i) content += std::string(60, static_cast<char>('a' + i % 26)) + "<b >";
  for (std::size_t shift = 0; shift < 64; ++shift) {
    const std::string shifted = std::string(shift, '.') + content;
    EXPECT_EQ(kept(loops_, shifted, shifted.size(), 100), naive_text(shifted)) << shift;
  }
}

INSTANTIATE_TEST_SUITE_P(Loops, NaiveSketchTest, ::testing::Range(0UZ, all_text_loops().size()));

}  // namespace
}  // namespace sluice::noticing
