// Lines that strangers can cause at will: one for a burst, and a count of the rest.
#include "engine/log/repeated_lines.h"

#include <gmock/gmock.h>

#include "tests/support/platforms.h"

namespace sluice::log {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RepeatedLinesTest : public ::testing::Test {
 protected:
  ~RepeatedLinesTest() override { lines.flush(); }
  testing::Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& loop{platforms.add_loop("192.0.2.1")};
  std::vector<std::string> told;
  RepeatedLines lines{loop, [this](const RepeatedLines::Kind& kind, std::uint64_t count) {
                        told.push_back(kind.first + " " + kind.second + " " + std::to_string(count));
                      }};
};

TEST_F(RepeatedLinesTest, ABurstIsOneLineAndACount) {
  int written = 0;
  for (int i = 0; i < 2000; ++i) written += lines.admit({"192.0.2.0", "late"}, 1) ? 1 : 0;
  EXPECT_EQ(written, 1);
  EXPECT_TRUE(lines.admit({"192.0.2.0", "other"}, 1)) << "another reason is another burst";
  EXPECT_TRUE(lines.admit({"192.0.2.1", "late"}, 1)) << "so is another client";
  EXPECT_TRUE(platforms.run_for(RepeatedLines::kWindow + 1s));
  EXPECT_THAT(told, ElementsAre("192.0.2.0 late 1999"));
}

TEST_F(RepeatedLinesTest, ABurstThatGoesOnIsACountEachWindow) {
  EXPECT_TRUE(lines.admit({"a", "late"}, 1));
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(lines.admit({"a", "late"}, 1));
    EXPECT_TRUE(platforms.run_for(RepeatedLines::kWindow));
  }
  EXPECT_THAT(told, SizeIs(::testing::Ge(3U)));
  EXPECT_TRUE(platforms.run_for(3 * RepeatedLines::kWindow));
  EXPECT_TRUE(lines.admit({"a", "late"}, 1)) << "a new burst";
}

TEST_F(RepeatedLinesTest, WhatIsCountedAtTheEndIsTold) {
  EXPECT_TRUE(lines.admit({"a", "late"}, 1));
  EXPECT_FALSE(lines.admit({"a", "late"}, 1));
  lines.flush();
  EXPECT_THAT(told, ElementsAre("a late 1"));
}

TEST_F(RepeatedLinesTest, ManyKindsAreBounded) {
  int written = 0;
  for (std::size_t i = 0; i < 3 * RepeatedLines::kKindsMax; ++i)
    written += lines.admit({std::to_string(i), "late"}, 1) ? 1 : 0;
  EXPECT_LE(written, static_cast<int>(RepeatedLines::kKindsMax) + 1);
}

}  // namespace
}  // namespace sluice::log
