#include "engine/base/address_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sluice {
namespace {

std::vector<std::string_view> all(std::string_view list) {
  std::vector<std::string_view> found;
  while (!list.empty()) found.push_back(take_address(list));
  return found;
}

TEST(AddressListTest, AddressesArePartedByCommaAndSpace) {
  EXPECT_THAT(all(""), ::testing::IsEmpty());
  EXPECT_THAT(all("a@b"), ::testing::ElementsAre("a@b"));
  EXPECT_THAT(all("a@b, c@d, e,f@g"), ::testing::ElementsAre("a@b", "c@d", "e,f@g"));
  EXPECT_THAT(all("a@b, "), ::testing::ElementsAre("a@b"));
}

TEST(AddressListTest, AQuotedLocalPartMayHaveWhatPartsThem) {
  EXPECT_THAT(all(R"("b, c"@d, e@f)"), ::testing::ElementsAre(R"("b, c"@d)", "e@f"));
  EXPECT_THAT(all(R"("b\", c"@d, e@f)"), ::testing::ElementsAre(R"("b\", c"@d)", "e@f"));
  EXPECT_THAT(all(R"("b\\"@d, e@f)"), ::testing::ElementsAre(R"("b\\"@d)", "e@f"));
  EXPECT_THAT(all(R"(e@f, "b, c)"), ::testing::ElementsAre("e@f", R"("b, c)")) << "a list that was cut";
  EXPECT_THAT(all(R"("b\)"), ::testing::ElementsAre(R"("b\)"));
}

}  // namespace
}  // namespace sluice
