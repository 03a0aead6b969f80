#include "policy/noticing/unknown_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "tests/support/noticing_text.h"

namespace sluice::noticing {
namespace {

void answer(UnknownTest& test, Draw& draw, double dead_share, std::uint32_t hour) {
  if (draw.chance(dead_share)) {
    test.unknown(hour);
  } else {
    test.accepted(hour);
  }
}

TEST(UnknownTestTest, ABoughtListIsToldWithinTwoHundredRecipients) {
  Draw draw(1);
  int found = 0;
  for (int list = 0; list < 200; ++list) {
    UnknownTest test;
    for (int i = 0; i < 200; ++i) answer(test, draw, 0.15, 1000);
    found += test.evidence() > 10 ? 1 : 0;
  }
  EXPECT_GE(found, 190);
}

TEST(UnknownTestTest, OrdinaryMailGivesNoEvidenceHoweverMuchItIs) {
  Draw draw(2);
  UnknownTest test;
  float most = 0;
  for (int i = 0; i < 20'000; ++i) {
    answer(test, draw, 0.03, 1000);
    most = std::max(most, test.evidence());
  }
  EXPECT_LT(most, 10);
}

TEST(UnknownTestTest, WhatWasGoodBeforeDoesNotHideABoughtList) {
  Draw draw(3);
  UnknownTest test;
  for (int i = 0; i < 5000; ++i) test.accepted(1000);
  EXPECT_EQ(test.evidence(), 0);
  for (int i = 0; i < 200; ++i) answer(test, draw, 0.15, 1000);
  EXPECT_GT(test.evidence(), 10);
}

TEST(UnknownTestTest, CountsAndEvidenceWaneByHalfInTwoWeeks) {
  UnknownTest test;
  for (int i = 0; i < 10; ++i) test.unknown(1000);
  const float before = test.evidence();
  test.unknown(1000 + 14 * 24);
  EXPECT_NEAR(test.unknown_count(), 6, 0.01);
  EXPECT_NEAR(test.answered_count(), 6, 0.01);
  EXPECT_LT(test.evidence(), before * 0.7F);
  test.unknown(10);  // an earlier hour is none
  EXPECT_NEAR(test.unknown_count(), 7, 0.01);
}

}  // namespace
}  // namespace sluice::noticing
