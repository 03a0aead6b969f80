#include "engine/base/cut_text.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(CutTextTest, NoCharacterIsCutInTwo) {
  EXPECT_EQ(cut_text("abc", 3), "abc");
  EXPECT_EQ(cut_text("abcd", 3), "abc");
  EXPECT_EQ(cut_text("ab\xc3\xa4", 3), "ab");
  EXPECT_EQ(cut_text("a\xf0\x9f\x93\xa7", 4), "a");
  EXPECT_EQ(cut_text("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80") << "what is no UTF-8 is not looked through";
  EXPECT_EQ(cut_text("abc", 0), "");
}

TEST(CutTextTest, WhatIsCutHasItsMark) {
  EXPECT_EQ(cut_with_mark("abcde", 5), "abcde");
  EXPECT_EQ(cut_with_mark("abcdef", 5), "ab...");
  EXPECT_EQ(cut_with_mark("a\xc3\xa4"
                          "def",
                          5),
            "a...");
}

}  // namespace
}  // namespace sluice
