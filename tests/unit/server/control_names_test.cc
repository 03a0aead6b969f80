// Names of accounts that are mistyped.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/server/control.h"

namespace sluice::server {
namespace {

TEST(AccountMeant, IsLikeItInFrontOfTheDomainOrBehindIt) {
  const std::vector<std::string> names{"alice@example.com", "bob@example.com", "scanner", "sales@shop.example.com"};
  EXPECT_EQ(account_meant("alcie@example.com", names), "alice@example.com");
  EXPECT_EQ(account_meant("alice@exmaple.com", names), "alice@example.com");
  EXPECT_EQ(account_meant("scaner", names), "scanner");
  EXPECT_EQ(account_meant("sales@shop.exampl.com", names), "sales@shop.example.com");
}

// A domain that both have makes no name like another.
TEST(AccountMeant, IsNoneThatHasTheDomainAlone) {
  const std::vector<std::string> names{"alice@example.com", "bob@example.com"};
  EXPECT_EQ(account_meant("zed@example.com", names), "");
  EXPECT_EQ(account_meant("alcie@exmaple.com", names), "");
  EXPECT_EQ(account_meant("alice", names), "");
  EXPECT_EQ(account_meant("bob@example.com", {}), "");
}

}  // namespace
}  // namespace sluice::server
