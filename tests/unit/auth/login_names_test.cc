#include "auth/login_names.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/auth/credentials.h"

namespace sluice::auth {
namespace {

std::string rewrite(std::string_view name, const LoginNameRules& rules) {
  return rewritten(name_of(name), rules).text();
}

TEST(LoginNamesTest, StayAsTheyAreWithoutRules) {
  for (const char* name : {"tim", "Tim+Tag@Example.com", "tim%example.com"}) EXPECT_EQ(rewrite(name, {}), name);
}

// A directory that takes no notice of blanks, width and soft hyphens lets each of these in with Tim's password: they
// were accounts of their own to limits, and none of them to a containment of tim@example.com.
TEST(LoginNamesTest, SpellingsThatADirectoryTakesForOneNameAreOne) {
  for (const char* name : {" tim@example.com", "tim@example.com  ", "tim @example.com", "tim@ example.com",
                           "tim@example.com\u00a0", "\u3000tim@example.com", "t\u00adim@example.com",
                           "\uff54im@example.com", "tim\uff20example.com", "tim\u200b@example.com"})
    EXPECT_EQ(rewrite(name, {}), "tim@example.com") << name;
  EXPECT_EQ(rewrite("mu\u0308ller@example.com", {}), "m\u00fcller@example.com");
  EXPECT_EQ(rewrite("john  smith", {}), "john  smith") << "a name of two words";
  EXPECT_EQ(rewrite(" ", {}), " ") << "no name at all";
}

TEST(LoginNamesTest, PercentStandsForAtWhereThereIsNone) {
  const LoginNameRules rules{.percent_as_at = true};
  EXPECT_EQ(rewrite("tim%example.com", rules), "tim@example.com");
  EXPECT_EQ(rewrite("50%off%example.com", rules), "50%off@example.com");
  EXPECT_EQ(rewrite("tim%x@example.com", rules), "tim%x@example.com");
}

TEST(LoginNamesTest, NamesWithoutADomainGetTheDefaultOne) {
  const LoginNameRules rules{.default_domain = "example.com", .percent_as_at = true};
  EXPECT_EQ(rewrite("tim", rules), "tim@example.com");
  EXPECT_EQ(rewrite("tim@example.org", rules), "tim@example.org");
  EXPECT_EQ(rewrite("tim%example.org", rules), "tim@example.org");
}

TEST(LoginNamesTest, PlusTagsAreDroppedWhereSomethingIsInFrontOfThem) {
  const LoginNameRules rules{.drop_plus_tags = true};
  EXPECT_EQ(rewrite("tim+shop@example.com", rules), "tim@example.com");
  EXPECT_EQ(rewrite("tim+a+b@example.com", rules), "tim@example.com");
  EXPECT_EQ(rewrite("+shop@example.com", rules), "+shop@example.com");
  EXPECT_EQ(rewrite("tim@ex+ample.com", rules), "tim@ex+ample.com");
  EXPECT_EQ(rewrite("tim+shop", rules), "tim+shop");
}

TEST(LoginNamesTest, CaseIsFolded) { EXPECT_EQ(rewrite("Tim@EXAMPLE.com", {.lower_case = true}), "tim@example.com"); }

TEST(LoginNamesTest, ANameThatWouldBecomeTooLongStays) {
  const std::string longest(kNameBytesMax, 'x');
  EXPECT_EQ(rewrite(longest, {.default_domain = "example.com"}), longest);
}

}  // namespace
}  // namespace sluice::auth
