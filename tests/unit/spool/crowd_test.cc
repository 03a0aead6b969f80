// Whether one customer's only message waits beside many of another's.
#include "engine/spool/crowd.h"

#include <gtest/gtest.h>

namespace sluice::spool {
namespace {

constexpr CustomerShare kGreedy{7};
constexpr CustomerShare kModest{9};

TEST(CrowdTest, OneBesideManyIsUneven) {
  Crowd crowd;
  for (unsigned i = 0; i < Crowd::kMuch; ++i) {
    crowd.add(kGreedy);
    EXPECT_FALSE(crowd.uneven());
  }
  crowd.add(kModest);
  EXPECT_TRUE(crowd.uneven());
  crowd.add(kGreedy);
  EXPECT_TRUE(crowd.uneven());
  crowd.remove(kGreedy);
  EXPECT_TRUE(crowd.uneven());
  crowd.remove(kGreedy);
  EXPECT_FALSE(crowd.uneven()) << "three are not many";
  crowd.add(kGreedy);
  crowd.remove(kModest);
  EXPECT_FALSE(crowd.uneven()) << "the one has its answer";
}

TEST(CrowdTest, CustomersThatSendAlikeAreEven) {
  Crowd crowd;
  for (ShareNumber share = 1; share < 100; ++share) crowd.add({share});
  EXPECT_FALSE(crowd.uneven());
  for (ShareNumber share = 1; share < 100; ++share)
    for (unsigned i = 1; i < Crowd::kMuch; ++i) crowd.add({share});
  EXPECT_FALSE(crowd.uneven());
}

TEST(CrowdDeathTest, NobodyIsAnsweredTwice) {
  Crowd crowd;
  EXPECT_DEATH(crowd.remove(kModest), "check failed");
}

}  // namespace
}  // namespace sluice::spool
