// What sluicectl explain asks, and what it shows.
#include "engine/control/explain_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ExplainRequest, HasOneLine) {
  const std::pair<ExplainRequest, std::string> cases[] = {{{.id = "0SB1"}, "explain id=0SB1"},
                                                          {{.json = true, .id = "a b"}, "explain json id=a%20b"}};
  for (const auto& [request, line] : cases) {
    EXPECT_EQ(encode_explain_request(request), line);
    const auto decoded = decode_explain_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request);
  }
}

TEST(ExplainRequest, IsRefusedWhereItIsWrittenInAnotherWay) {
  for (const std::string line : {"", "explain", "explain ", "explain id=", "explain  id=a", "explain id=a json",
                                 "explain id=%", "explain id=%0a", "explain id=a b"})
    EXPECT_FALSE(decode_explain_request(line)) << line;
  EXPECT_FALSE(decode_explain_request("explain id=" + std::string(65, 'x')));
}

DecidedEvent refusal() {
  return {.at = 0,
          .event = "refused",
          .id = "0SB1",
          .values = {{"code", "550"},
                     {"reason", "limit_reached"},
                     {"account", "ann@example.com"},
                     {"reply", "The limit of this account is 2 recipients a day; room in 5 min"},
                     {"detail", "2 recipients a day of account ann@example.com: 2 are used"}}};
}

TEST(ExplainRequest, ShowsRuleFiguresAndWhatWouldPass) {
  const std::string text = render_explanation({.id = "0SB1"}, std::vector{refusal()});
  EXPECT_THAT(text, HasSubstr("1970-01-01T00:00:00.000Z  refused\n"));
  EXPECT_THAT(text, HasSubstr("reply          550 The limit of this account is 2 recipients a day; room in 5 min\n"));
  EXPECT_THAT(text, HasSubstr("rule           A limit of the account's class"));
  EXPECT_THAT(text, HasSubstr("figures        2 recipients a day of account ann@example.com: 2 are used\n"));
  EXPECT_THAT(text, HasSubstr("would pass     waiting"));
  EXPECT_THAT(text, HasSubstr("account        ann@example.com\n"));
}

TEST(ExplainRequest, SaysByWhichRuleAMessageWasHeld) {
  const auto explained = [](std::string reason) {
    const DecidedEvent held{.at = 0, .event = "message_held", .id = "0SB1", .values = {{"reason", std::move(reason)}}};
    return render_explanation({.id = "0SB1"}, std::vector{held});
  };
  EXPECT_THAT(
      explained("over 2 recipients a day of account ann@example.com"),
      AllOf(HasSubstr("rule           A limit was passed"), HasSubstr("figures        over 2 recipients a day")));
  EXPECT_THAT(explained("noticed: 30 unknown recipients"), HasSubstr("rule           The account was noticed"));
  EXPECT_THAT(explained("the account is held: unpaid"), HasSubstr("rule           The account or its customer is on"));
}

TEST(ExplainRequest, IsAnsweredWithNothingWhereNothingIsKnown) {
  EXPECT_EQ(render_explanation({.id = "x"}, {}), "");
  EXPECT_EQ(render_explanation({.json = true, .id = "x"}, {}), "[]\n");
}

// What strangers have sent reaches the operator's terminal.
TEST(ExplainRequest, LetsNoControlCharacterThrough) {
  DecidedEvent event = refusal();
  event.values.emplace_back("argument", "a\x1b[31m\n@example.net");
  EXPECT_THAT(render_explanation({.id = "x"}, std::vector{event}), Not(HasSubstr("\x1b")));
  const std::string json = render_explanation({.json = true, .id = "x"}, std::vector{event});
  EXPECT_THAT(json, Not(HasSubstr("\x1b")));
  EXPECT_THAT(json, HasSubstr("\"rule\":"));
}

TEST(ExplainRequest, EachReasonHasOneRule) {
  std::set<std::string_view> reasons;
  for (const Rule& rule : rules()) EXPECT_TRUE(reasons.insert(rule.reason).second) << rule.reason;
  EXPECT_EQ(rule_of("no_such_reason"), nullptr);
}

}  // namespace
}  // namespace sluice::control
