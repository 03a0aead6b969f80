// A header taken apart, and the canonical forms of its fields: the examples of RFC 6376, folds and blanks in odd
// places.
#include "engine/dkim/header_canonical.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dkim/header_fields.h"
#include "tests/support/plain_canonical.h"

namespace sluice::dkim {
namespace {

std::string relaxed_by(std::string_view header, SqueezeField squeeze) {
  std::string out;
  HeaderFieldReader reader(header);
  while (const auto field = reader.next()) {
    append_canonical(*field, Canonicalization::relaxed, out, squeeze);
    out += "\r\n";
  }
  return out;
}

// The same on a machine without instructions for it.
std::string relaxed(std::string_view header) {
  const std::string text = relaxed_by(header, squeeze_field_of_this_machine());
  EXPECT_EQ(relaxed_by(header, squeeze_field_by_changes), text) << ::testing::PrintToString(header);
  return text;
}

std::vector<std::string> wholes(std::string_view header) {
  std::vector<std::string> fields;
  HeaderFieldReader reader(header);
  while (const auto field = reader.next()) fields.emplace_back(field->whole);
  return fields;
}

// RFC 6376 3.4.5.
TEST(DkimHeader, TheExampleOfRfc6376) {
  constexpr std::string_view kHeader = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\n";
  EXPECT_EQ(relaxed(kHeader), "a:X\r\nb:Y Z\r\n");
  EXPECT_EQ(wholes(kHeader), (std::vector<std::string>{"A: X", "B : Y\t\r\n\tZ  "}));
}

TEST(DkimHeader, OddFoldsAndBlanks) {
  EXPECT_EQ(relaxed("A:\r\n b\r\n"), "a:b\r\n");
  EXPECT_EQ(relaxed("A \t : \r\n\t \r\n b \r\n  \r\n"), "a:b\r\n");
  EXPECT_EQ(relaxed("A:\r\n"), "a:\r\n");
  EXPECT_EQ(relaxed("A:"), "a:\r\n");
  EXPECT_EQ(relaxed("A: \t\r\n \r\n\r\nbody: x"), "a:\r\n");
  EXPECT_EQ(relaxed("A:b:c : d"), "a:b:c : d\r\n");
  EXPECT_EQ(relaxed("A: \x80\xff  \xc3\xa9\r\n"), "a:\x80\xff \xc3\xa9\r\n");
  EXPECT_EQ(relaxed("A: b\rc \rd\r\n"), "a:b\rc \rd\r\n");
  EXPECT_EQ(relaxed("A: b\nB: c\r\n d\r\n"), "a:b\nB: c d\r\n");
  EXPECT_EQ(relaxed(""), "");
  EXPECT_EQ(relaxed("\r\nA: b\r\n"), "");
}

TEST(DkimHeader, WhatIsNoFieldIsSkipped) {
  EXPECT_EQ(wholes("From root Mon\r\nA: b\r\nno colon\r\n: no name\r\nB c: d\r\n 1:2\r\nE: f\r\n"),
            (std::vector<std::string>{"A: b", "E: f"}));
}

// A block is sixty-four bytes, and what is behind its last one decides whether a line ends a field.
TEST(DkimHeader, AFieldEndsWhereverItsEndIsInABlock) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string before = "A: " + std::string(size, 'x');
    EXPECT_EQ(wholes(before + "\r\nB: c\r\n"), (std::vector<std::string>{before, "B: c"})) << size;
    EXPECT_EQ(wholes(before + "\r\n\tB: c\r\n"), (std::vector<std::string>{before + "\r\n\tB: c"})) << size;
    EXPECT_EQ(wholes(before + "\nB: c\r\n"), (std::vector<std::string>{before + "\nB: c"})) << size;
    EXPECT_EQ(wholes(before + "\r\n\r\nB: c"), (std::vector<std::string>{before})) << size;
    EXPECT_EQ(wholes(before + "\r\n"), (std::vector<std::string>{before})) << size;
    EXPECT_EQ(wholes(before + "\r"), (std::vector<std::string>{before + "\r"})) << size;
  }
}

TEST(DkimHeader, ANameMayHaveAnySize) {
  for (std::size_t size = 1; size < 100; ++size)
    for (const std::string end : {": b\r\n", ":", " \t: b", ":\r\n\r\nthe body"}) {
      const std::string name(size, 'n');
      const auto field = HeaderFieldReader(name + end).next();
      ASSERT_TRUE(field) << size << end;
      EXPECT_EQ(field->colon, size + end.find(':'));
      for (const std::string other : {"\x7f", "\x80", "\xff", "\r", "\n", "\x1f", " x"})
        EXPECT_FALSE(HeaderFieldReader(name + other + end).next()) << size << end;
    }
}

// A lane is sixty-four bytes, of which the last three are decided by what follows.
TEST(DkimHeader, AFoldMayBeWhereverItIsInALane) {
  for (std::size_t size = 0; size < 200; ++size)
    for (const std::string fold : {"\r\n ", "\r\n\t", " \r\n ", "\t\r\n \r\n  ", "   ", "\t"}) {
      const std::string before = "A:" + std::string(size, 'x');
      const std::string canonical = size == 0 ? "a:" : "a:" + std::string(size, 'x') + " ";
      EXPECT_EQ(relaxed(before + fold + "y\r\n"), canonical + "y\r\n") << size;
      EXPECT_EQ(relaxed(before + fold + "\r\n"), "a:" + std::string(size, 'x') + "\r\n") << size;
      EXPECT_EQ(relaxed(before + fold + "\r"), canonical + "\r\r\n") << size;
      EXPECT_EQ(relaxed(before + "\r" + fold + "\ny"), canonical.substr(0, size + 2) + "\r \ny\r\n") << size;
    }
}

TEST(DkimHeader, AHeaderIsTakenApartAsThePlainReferenceHasIt) {
  std::mt19937 random(5322);
  constexpr std::string_view kPieces[] = {"\r\n",
                                          "\r\n ",
                                          "\n",
                                          "\r",
                                          ":",
                                          " ",
                                          "\t",
                                          "a",
                                          "Subject: x",
                                          "From",
                                          "\x80",
                                          "\x7f",
                                          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
  for (int round = 0; round < 5000; ++round) {
    std::string header;
    const std::size_t size = random() % 300;
    while (header.size() < size) header += kPieces[random() % std::size(kPieces)];
    EXPECT_EQ(wholes(header), testing::plain_fields(header)) << ::testing::PrintToString(header);
  }
}

TEST(DkimHeader, WhateverComesIsAsThePlainReferenceHasIt) {
  std::mt19937 random(6376);
  constexpr std::string_view kAlphabet = " \tax\x80:";
  for (int round = 0; round < 3000; ++round) {
    std::string field = "Name";
    if (random() % 4 == 0) field += " \t";
    field += ':';
    const std::size_t size = random() % 200;
    while (field.size() < size) {
      if (random() % 8 == 0)
        field += random() % 2 == 0 ? "\r\n " : "\r\n\t";
      else if (random() % 8 == 0)
        field.append(random() % 60, 'y');
      else
        field += kAlphabet[random() % kAlphabet.size()];
    }
    EXPECT_EQ(relaxed(field + "\r\n"), testing::plain_relaxed_field(field) + "\r\n");
  }
}

}  // namespace
}  // namespace sluice::dkim
