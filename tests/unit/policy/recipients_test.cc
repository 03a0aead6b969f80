#include "policy/recipients.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

TEST(RecipientLimit, IsFiftyUnlessSetOtherwise) {
  constexpr RecipientLimit limit;
  EXPECT_EQ(limit.per_message_max, 50U);
  EXPECT_TRUE(limit.admits(49));
  EXPECT_FALSE(limit.admits(50));
  EXPECT_TRUE(RecipientLimit{.per_message_max = 100}.admits(99));
}

}  // namespace
}  // namespace sluice::policy
