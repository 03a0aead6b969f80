// Events that strangers can cause at will: one is shown for a burst, and a count of the rest.
#include "engine/event/repeated_events.h"

#include <gmock/gmock.h>

#include "tests/support/platforms.h"

namespace sluice::event {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RepeatedEventsTest : public ::testing::Test {
 protected:
  ~RepeatedEventsTest() override { events.flush(); }
  testing::Platforms platforms{testing::PlatformKind::simulated};
  io::Loop& loop{platforms.add_loop("192.0.2.1")};
  std::vector<std::string> sums;
  RepeatedEvents events{loop, [this](const RepeatedEvents::Like& like, std::uint64_t count) {
                          sums.push_back(like.first + " " + like.second + " " + std::to_string(count));
                        }};
};

TEST_F(RepeatedEventsTest, ABurstIsOneEventAndACount) {
  int shown = 0;
  for (int i = 0; i < 2000; ++i) shown += events.admit({"192.0.2.0", "late"}, 1) ? 1 : 0;
  EXPECT_EQ(shown, 1);
  EXPECT_TRUE(events.admit({"192.0.2.0", "other"}, 1)) << "another reason is another burst";
  EXPECT_TRUE(events.admit({"192.0.2.1", "late"}, 1)) << "so is another client";
  EXPECT_TRUE(platforms.run_for(RepeatedEvents::kWindow + 1s));
  EXPECT_THAT(sums, ElementsAre("192.0.2.0 late 1999"));
}

TEST_F(RepeatedEventsTest, ABurstThatGoesOnIsACountEachWindow) {
  EXPECT_TRUE(events.admit({"a", "late"}, 1));
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(events.admit({"a", "late"}, 1));
    EXPECT_TRUE(platforms.run_for(RepeatedEvents::kWindow));
  }
  EXPECT_THAT(sums, SizeIs(::testing::Ge(3U)));
  EXPECT_TRUE(platforms.run_for(3 * RepeatedEvents::kWindow));
  EXPECT_TRUE(events.admit({"a", "late"}, 1)) << "a new burst";
}

TEST_F(RepeatedEventsTest, WhatIsCountedAtTheEndIsEmitted) {
  EXPECT_TRUE(events.admit({"a", "late"}, 1));
  EXPECT_FALSE(events.admit({"a", "late"}, 1));
  events.flush();
  EXPECT_THAT(sums, ElementsAre("a late 1"));
}

TEST_F(RepeatedEventsTest, ManyKindsAreBounded) {
  int shown = 0;
  for (std::size_t i = 0; i < 3 * RepeatedEvents::kBurstsMax; ++i)
    shown += events.admit({std::to_string(i), "late"}, 1) ? 1 : 0;
  EXPECT_LE(shown, static_cast<int>(RepeatedEvents::kBurstsMax) + 1);
}

}  // namespace
}  // namespace sluice::event
