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
      {{.limit = 10}, "usage limit=10"},
      {{.limit = 1, .account = "a b@example.com", .customer = "acme"},
       "usage limit=1 account=a%20b@example.com customer=acme"},
      {{.top = 100, .customer = "acme"}, "usage top=100 customer=acme"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(usage_request_fault(request), "");
    EXPECT_EQ(encode_usage_request(request), line);
    const auto decoded = decode_usage_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(UsageRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  for (const std::string line : {"",
                                 "usag",
                                 "usage ",
                                 "usage  limit=1",
                                 "usage json",
                                 "usage limit=0",
                                 "usage limit=10001",
                                 "usage limit=x",
                                 "usage limit=010",
                                 "usage limit=10000",
                                 "usage account=",
                                 "usage account=%",
                                 "usage account=%0a",
                                 "usage top=0",
                                 "usage top=101",
                                 "usage top=x",
                                 "usage top=01",
                                 "usage limit=5 top=5",
                                 "usage top=5 limit=5",
                                 "usage customer=a account=b",
                                 "usage account=a b",
                                 "usage account=a\n"})
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
  const std::string text = render_usage({.limit = 3}, {.windows = rows, .senders = {}, .decisions = {}});
  EXPECT_LT(text.find("over@"), text.find("most@"));
  EXPECT_LT(text.find("most@"), text.find("some@"));
  EXPECT_EQ(text.find("old@"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("\nnote: 1 more window\n"));
  EXPECT_THAT(
      render_usage({}, {.windows = {row("over@example.com", 120, 100)}, .senders = {}, .decisions = {}}),
      HasSubstr(
          R"("used": 120, "limit": 100, "left": 0, "used_here": 0, "scope": "relay", "name": "over@example.com")"));
}

TEST(UsageRequest, ShowsTheBusiestOfEachQuantityAndWindow) {
  std::vector rows{row("a@example.com", 1, 10), row("b@example.com", 30, 1000), row("c@example.com", 20, 20)};
  rows.push_back({.subject = "account", .name = "a@example.com", .quantity = "messages", .window = "day", .used = 1});
  rows.push_back({.subject = "customer", .name = "acme", .quantity = "recipients", .window = "day", .used = 1});
  EXPECT_EQ(render_usage({.top = 2}, {.windows = rows, .senders = {}, .decisions = {}}),
            R"({"windows": [
 {"subject": "account", "quantity": "messages", "window": "day", "used": 1, "limit": "", "left": "", "used_here": 0, "scope": "relay", "name": "a@example.com"},
 {"subject": "account", "quantity": "recipients", "window": "day", "used": 30, "limit": 1000, "left": 970, "used_here": 0, "scope": "relay", "name": "b@example.com"},
 {"subject": "account", "quantity": "recipients", "window": "day", "used": 20, "limit": 20, "left": 0, "used_here": 0, "scope": "relay", "name": "c@example.com"},
 {"subject": "customer", "quantity": "recipients", "window": "day", "used": 1, "limit": "", "left": "", "used_here": 0, "scope": "relay", "name": "acme"}
]
,"senders": [
]
,"decisions": [
]
}
)");
}

TEST(UsageRequest, SaysWhereTheClustersUseIsNotKnown) {
  UsageRow known = row("ann@example.com", 90, 100);
  known.used_here = 20;
  known.of_cluster = true;
  UsageRow unknown = row("bob@example.com", 20, 100);
  unknown.used_here = 20;
  unknown.left_unknown = true;
  const auto text = [&](std::string fault) {
    return render_usage(
        {}, {.windows = {known, unknown}, .cluster_fault = std::move(fault), .senders = {}, .decisions = {}});
  };
  EXPECT_THAT(text(""), HasSubstr(R"("used": 90, "limit": 100, "left": 10, "used_here": 20, "scope": "cluster")"));
  EXPECT_THAT(text(""), HasSubstr(R"("used": 20, "limit": 100, "left": "", "used_here": 20, "scope": "relay")"));
  EXPECT_THAT(
      text("it does not answer"),
      HasSubstr(
          "\nnote: what is used of scope relay is as of this relay alone: Redis does not tell: it does not answer\n"));
  EXPECT_THAT(text(""),
              HasSubstr("\nnote: what is used of scope relay is as of this relay alone: Redis is asked of those "
                        "next to their limit\n"));
  unknown.left_unknown = false;
  EXPECT_THAT(text("it does not answer"), ::testing::Not(HasSubstr("note:")));
}

SenderRow sender(std::string name, std::uint64_t answered, std::uint64_t unknown) {
  return {.subject = "account",
          .name = std::move(name),
          .customer = "acme",
          .networks = 1,
          .answered = answered,
          .unknown = unknown};
}

TEST(UsageRequest, ShowsSendersWithTheLargestShareOfUnknownRecipientsFirst) {
  const std::vector rows{sender("few@example.com", 200, 1), sender("one@example.com", 1, 1),
                         sender("many@example.com", 200, 31)};
  const std::string text = render_usage({.limit = 2}, {.windows = {}, .senders = rows, .decisions = {}});
  EXPECT_THAT(text, HasSubstr(R"("answered": 200, "unknown": 31, "unknown_percent": 16)"));
  EXPECT_LT(text.find("many@"), text.find("few@"));
  EXPECT_EQ(text.find("one@"), std::string::npos) << "one recipient is no share";
  EXPECT_THAT(text, HasSubstr("\nnote: 1 more sender\n"));
}

TEST(UsageRequest, ShowsTheSendersThatHaveMostOfEachFigure) {
  SenderRow networks = sender("networks@example.com", 0, 0);
  networks.networks = 40;
  SenderRow large = sender("large@example.com", 0, 0);
  large.networks = 0;
  large.large_messages = 3;
  SenderRow customer{.subject = "customer", .name = "acme", .customer = "acme", .large_messages = 3, .refused = 7};
  const std::string text =
      render_usage({.top = 1}, {.windows = {}, .senders = {networks, large, customer}, .decisions = {}});
  const auto line = [&text](const std::string& most, const std::string& name) {
    for (std::size_t at = text.find("{\"most\""); at != std::string::npos; at = text.find("{\"most\"", at + 1)) {
      const std::string one = text.substr(at, text.find('}', at) - at);
      if (one.contains("\"most\": \"" + most + "\"") && one.contains("\"name\": \"" + name + "\"")) return true;
    }
    return false;
  };
  EXPECT_TRUE(line("networks", "networks@example.com"));
  EXPECT_TRUE(line("large_messages", "large@example.com"));
  EXPECT_TRUE(line("large_messages", "acme"));
  EXPECT_TRUE(line("refused", "acme"));
  EXPECT_FALSE(line("networks", "large@example.com")) << "it has none";
  EXPECT_FALSE(line("refused", "networks@example.com"));
  EXPECT_THAT(text, HasSubstr(R"("subject": "customer", "networks": "")"));
}

TEST(UsageRequest, ShowsWhatWasDecidedLast) {
  std::vector<DecidedEvent> events(3);
  events[0] = {.at = 2000,
               .event = "account_noticed",
               .id = "B",
               .values = {{"account", "a@example.com"}, {"step", "hold"}, {"reasons", "9 networks"}}};
  events[1] = {.at = 1000,
               .event = "refused",
               .id = "A",
               .values = {{"account", "a@example.com"}, {"reason", "limit_reached"}, {"detail", "2 of 2"}}};
  events[2] = {.at = 0, .event = "message_held", .id = "C", .values = {{"reason", "asked \x1b[2J"}}};
  EXPECT_THAT(render_usage({}, {.windows = {}, .senders = {}, .decisions = events}), HasSubstr(R"("decisions": [
 {"at": "1970-01-01T00:00:02.000Z", "event": "account_noticed", "id": "B", "account": "a@example.com", "reason": "hold", "figures": "9 networks"},
 {"at": "1970-01-01T00:00:01.000Z", "event": "refused", "id": "A", "account": "a@example.com", "reason": "limit_reached", "figures": "2 of 2"},
 {"at": "1970-01-01T00:00:00.000Z", "event": "message_held", "id": "C", "account": "", "reason": "asked \u001b[2J", "figures": ""}
])"));
}

}  // namespace
}  // namespace sluice::control
