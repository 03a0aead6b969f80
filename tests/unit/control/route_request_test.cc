// What sluicectl route test asks: as a line and back, from untrusted peers; and what is shown of a next hop's words.
#include "engine/control/route_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RouteRequest, ComesBackAsItWas) {
  const RouteRequest requests[] = {{.to = "user@example.com"},
                                   {.json = true, .to = "\"a b=%\"@example.com", .from = "<>"},
                                   {.connect = true,
                                    .to = "b\xc3\xbc@b\xc3\xbc.example",
                                    .from = "a@b.example",
                                    .customer = "Example Ltd & Co. = 100 %"},
                                   {.json = true, .connect = true, .to = "x@[192.0.2.1]"}};
  for (const RouteRequest& request : requests) {
    ASSERT_EQ(route_request_fault(request), "");
    const std::string line = encode_route_request(request);
    const auto decoded = decode_route_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request) << line;
  }
}

TEST(RouteRequest, RefusesWhatIsNoAddress) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not written as"},
      {"route test", "takes the address"},
      {"route try to=a@b.example", "not written as"},
      {"route test to=a", "USER@DOMAIN"},
      {"route test to=%3Ca@b.example%3E", "USER@DOMAIN"},
      {"route test to=a@b.example%0D%0ADATA", "USER@DOMAIN"},
      {"route test to=a@b.example%3E%20SIZE%3D1", "USER@DOMAIN"},
      {"route test to=a@*.example", "USER@DOMAIN"},
      {"route test to=a@b.example from=x", "--from takes"},
      {"route test to=a@b.example from=%00@b.example", "--from takes"},
      {"route test to=a@b.example customer=%0A", "--customer takes"},
      {"route test to=a@b.example customer=" + std::string(1000, 'a'), "--customer takes"},
      {"route test connect json to=a@b.example", "takes the address"},
      {"route test to=a@b.example ", "not written as"}};
  for (const auto& [line, problem] : cases) {
    const auto decoded = decode_route_request(line);
    ASSERT_FALSE(decoded.has_value()) << line;
    EXPECT_THAT(decoded.error(), HasSubstr(problem)) << line;
  }
}

TEST(RouteAnswer, ShowsANextHopsWordsAsTextAlone) {
  RouteAnswer answer{.from = "", .route = "mx", .rule = "r", .destination = "mx/a.example", .connected = true};
  RouteHost& host = answer.hosts.emplace_back();
  host.host = "mx.a.example:25";
  host.addresses = {"192.0.2.1"};
  host.steps = {
      {.kind = RouteStep::Kind::command, .text = "EHLO relay.example"},
      {.kind = RouteStep::Kind::reply, .text = "250 a\x1b[2Jb\n\x9b" + std::string(3 * kRouteStepBytesMax, 'w')}};
  host.fault = "mx.a.example:25: RCPT: 550 \x1b]0;x\x07";
  const std::string text = render_route({.to = "u@a.example"}, answer);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); })) << text;
  EXPECT_THAT(text, HasSubstr("  > EHLO relay.example\n"));
  EXPECT_THAT(text, HasSubstr("[cut]"));
  EXPECT_LT(text.size(), 4 * kRouteStepBytesMax);
  const std::string json = render_route({.json = true, .to = "u@a.example"}, answer);
  EXPECT_THAT(json, HasSubstr("\"cut\": true"));
  EXPECT_THAT(json, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace sluice::control
