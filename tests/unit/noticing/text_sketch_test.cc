#include "policy/noticing/text_sketch.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

constexpr std::string_view kLetter =
    "Dear Mrs Meyer,\r\nwe are pleased to tell you that your order of last week has left our house today. It will\r\n"
    "reach you by the end of this week. If it does not, please write to us, and we shall look for it.\r\n"
    "You can see where it is at any time, on the page of the carrier, with the number that stands below.\r\n";

std::string with(std::string_view text, std::string_view old, std::string_view fresh) {
  std::string changed(text);
  changed.replace(changed.find(old), old.size(), fresh);
  return changed;
}

std::string base64_of(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string padded(text);
  while (padded.size() % 3 != 0) padded += ' ';
  std::string encoded;
  for (std::size_t i = 0; i < padded.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = i; j < i + 3; ++j) three = three << 8 | static_cast<unsigned char>(padded[j]);
    for (const int shift : {18, 12, 6, 0}) encoded += kAlphabet[three >> shift & 63];
    if (i % 57 == 54) encoded += "\r\n";
  }
  return encoded + "\r\n";
}

TEST(TextSketchTest, AChangedWordNameOrNumberLeavesTheSameText) {
  const TextSketch letter = sketch_of(kLetter);
  ASSERT_FALSE(letter.empty());
  EXPECT_TRUE(letter.same_text(sketch_of(with(kLetter, "Mrs Meyer", "Mr van den Berg"))));
  EXPECT_TRUE(letter.same_text(sketch_of(with(kLetter, "pleased", "glad"))));
  EXPECT_TRUE(letter.same_text(sketch_of(with(kLetter, "order of", "order 4711 of"))));
  EXPECT_TRUE(letter.same_text(sketch_of("Ref. 1234567\r\n" + std::string(kLetter))));
  EXPECT_TRUE(letter.same_text(sketch_of(std::string(kLetter) + "x7f3a\r\n")));
}

TEST(TextSketchTest, AChangedWordAnywhereInATextOfThirtyWordsLeavesTheSameText) {
  Draw draw(1);
  for (int round = 0; round < 200; ++round) {
    const RotatingText text(draw, 30, 0);
    const std::string one = text.copy(draw);
    EXPECT_TRUE(sketch_of(one).same_text(sketch_of(text.copy(draw)))) << one;
  }
}

TEST(TextSketchTest, OtherLineBreaksLeaveTheSameText) {
  std::string wrapped(kLetter);
  std::size_t column = 0;
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    if (wrapped[i] == '\r') wrapped.erase(i, 1);
    if (wrapped[i] == '\n') wrapped[i] = ' ';
    if (++column > 50 && wrapped[i] == ' ') {
      wrapped.replace(i, 1, "\r\n");
      column = 0;
    }
  }
  EXPECT_TRUE(sketch_of(kLetter).same_text(sketch_of(wrapped)));
}

TEST(TextSketchTest, TextsThatWereWrittenForThemselvesDiffer) {
  Draw draw(2);
  int same = 0;
  for (int round = 0; round < 1000; ++round) {
    const TextSketch one = sketch_of(some_words(draw, draw.between(20, 200)));
    same += one.same_text(sketch_of(some_words(draw, draw.between(20, 200)))) ? 1 : 0;
  }
  EXPECT_LE(same, 5);
}

TEST(TextSketchTest, ManyCopiesOfARotatingTextAreTheSame) {
  Draw draw(3);
  const RotatingText text(draw, 80, 0.3);
  const TextSketch first = sketch_of(text.copy(draw));
  int same = 0;
  for (int round = 0; round < 100; ++round) same += first.same_text(sketch_of(text.copy(draw))) ? 1 : 0;
  EXPECT_GE(same, 60);
}

TEST(TextSketchTest, PiecesOfAnySizeGiveTheSameSketch) {
  Draw draw(4);
  const std::string text =
      "<p>" + std::string(kLetter) + "</p><style>x { y }</style>" + some_words(draw, 900) + base64_of(kLetter);
  const TextSketch whole = sketch_of(text);
  for (const std::size_t size : {1UZ, 2UZ, 7UZ, 63UZ, 64UZ, 65UZ, 2047UZ, 2049UZ}) {
    TextSketcher sketcher;
    for (std::size_t at = 0; at < text.size(); at += size) sketcher.feed(std::string_view(text).substr(at, size));
    EXPECT_EQ(sketcher.finish(), whole) << size;
  }
}

TEST(TextSketchTest, MarkupIsNotLookedAt) {
  std::string html = "<html><head><STYLE type=\"text/css\">";
  for (int i = 0; i < 200; ++i) html += "p.c" + std::to_string(i) + " { margin : 0 ; }\r\n";
  html += "</style></head><body>";
  EXPECT_EQ(sketch_of(html + std::string(kLetter)), sketch_of(kLetter));
  Draw draw(5);
  EXPECT_FALSE(sketch_of(html + some_words(draw, 60)).same_text(sketch_of(html + some_words(draw, 60))));
}

TEST(TextSketchTest, TextInBase64IsDecoded) {
  const std::string letter = base64_of(kLetter);
  EXPECT_TRUE(sketch_of(letter).same_text(sketch_of(base64_of(with(kLetter, "Mrs Meyer", "Mr van den Berg")))));
  Draw draw(6);
  EXPECT_FALSE(sketch_of(letter).same_text(sketch_of(base64_of(some_words(draw, 60)))));
}

TEST(TextSketchTest, AttachmentsAreNotLookedAt) {
  Draw draw(7);
  std::string image;
  for (int i = 0; i < 5000; ++i) image += static_cast<char>(draw.next());
  const std::string attached = "\r\n" + base64_of(image);
  EXPECT_TRUE(sketch_of(kLetter).similarity(sketch_of(std::string(kLetter) + attached)) > 0.9);
  EXPECT_FALSE(sketch_of(some_words(draw, 50) + attached).same_text(sketch_of(some_words(draw, 50) + attached)));
}

TEST(TextSketchTest, TooFewWordsAreNoText) {
  EXPECT_TRUE(sketch_of("").empty());
  EXPECT_TRUE(sketch_of("ok\r\n").empty());
  EXPECT_FALSE(sketch_of("ok\r\n").same_text(sketch_of("ok\r\n")));
  EXPECT_EQ(sketch_of("").similarity(sketch_of("")), 0);
}

TEST(TextSketchTest, WhatComesBehindItsBoundIsNotLookedAt) {
  Draw draw(8);
  const std::string start = some_words(draw, 4000).substr(0, kSketchedBytesMax);
  EXPECT_EQ(sketch_of(start + some_words(draw, 4000)), sketch_of(start));
}

TEST(TextSketchTest, ScriptsWithoutBlanksHaveWordsToo) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    text += "\xE4";
    text += static_cast<char>(0xB8 + i % 4);
    text += static_cast<char>(0x80 + i);
  }
  EXPECT_FALSE(sketch_of(text).empty());
  EXPECT_TRUE(sketch_of(text).same_text(sketch_of("\xE5\xBC\xA0" + text)));
}

}  // namespace
}  // namespace sluice::noticing
