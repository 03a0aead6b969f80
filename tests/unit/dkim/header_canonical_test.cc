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

std::string relaxed(std::string_view header) {
  std::string out;
  while (const auto field = take_field(header)) {
    append_canonical(*field, Canonicalization::relaxed, out);
    out += "\r\n";
  }
  return out;
}

std::vector<std::string> wholes(std::string_view header) {
  std::vector<std::string> fields;
  while (const auto field = take_field(header)) fields.emplace_back(field->whole);
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
