// Requests about the use of limits, as lines of the control socket, and their answers.
#include "engine/control/usage_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

using ::testing::HasSubstr;

TEST(UsageRequest, HasOneLine) {
  const std::pair<UsageRequest, std::string> cases[] = {
      {{}, "usage"},
      {{.json = true}, "usage json"},
      {{.limit = 10}, "usage limit=10"},
      {{.json = true, .limit = 1, .account = "a b@example.com", .customer = "acme"},
       "usage json limit=1 account=a%20b@example.com customer=acme"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(usage_request_fault(request), "");
    EXPECT_EQ(encode_usage_request(request), line);
    const auto decoded = decode_usage_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(UsageRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  for (const std::string line :
       {"", "usag", "usage ", "usage  json", "usage json json", "usage limit=0", "usage limit=10001", "usage limit=x",
        "usage limit=010", "usage limit=10000", "usage account=", "usage account=%", "usage account=%0a",
        "usage customer=a account=b", "usage account=a b", "usage account=a\n"})
    EXPECT_FALSE(decode_usage_request(line)) << line;
}

UsageRow row(std::string name, std::uint64_t used, std::optional<std::uint64_t> limit) {
  return {.subject = "account",
          .name = std::move(name),
          .quantity = "recipients",
          .window = "day",
          .used = used,
          .limit = limit};
}

TEST(UsageRequest, ShowsTheFullestFirst) {
  const std::vector rows{row("some@example.com", 10, 100), row("most@example.com", 99, 100),
                         row("over@example.com", 120, 100), row("old@example.com", 500, std::nullopt)};
  const std::string text = render_usage({.limit = 3}, rows);
  EXPECT_LT(text.find("over@"), text.find("most@"));
  EXPECT_LT(text.find("most@"), text.find("some@"));
  EXPECT_EQ(text.find("old@"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("and 1 more\n"));
  EXPECT_THAT(render_usage({.json = true}, {row("over@example.com", 120, 100)}),
              HasSubstr(R"("used": 120, "limit": 100, "left": 0, "name": "over@example.com")"));
}

}  // namespace
}  // namespace sluice::control
