// Orders about destinations: as lines and back, whatever is in them; lines from untrusted peers; and the file of a
// relay's earlier life.
#include "engine/control/destination_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

using ::testing::HasSubstr;

constexpr WallMillis kOrderNow = 1'800'000'000'000;

const std::vector<DestinationRequest>& order_requests() {
  static const std::vector<DestinationRequest> all{
      {},
      {.json = true},
      {.verb = DestinationVerb::suspend, .name = "farm"},
      {.verb = DestinationVerb::suspend,
       .json = true,
       .name = "mx/b\xc3\xbc.example",
       .for_s = 7200,
       .reason = "why not? 100 %"},
      {.verb = DestinationVerb::suspend, .name = "host:mx.example.net", .until_ms = kOrderNow},
      {.verb = DestinationVerb::suspend, .name = "mx/[IPv6:2001:db8::1]"},
      {.verb = DestinationVerb::resume, .name = "@a.example"},
      {.verb = DestinationVerb::limit, .name = "farm", .for_s = 1, .connections = 2, .per_minute = 60}};
  return all;
}

TEST(DestinationRequest, ComesBackAsItWas) {
  for (const DestinationRequest& request : order_requests()) {
    ASSERT_EQ(destination_request_fault(request), "");
    const std::string line = encode_destination_request(request);
    const auto decoded = decode_destination_request(line);
    ASSERT_TRUE(decoded.has_value()) << line << ": " << decoded.error();
    EXPECT_EQ(*decoded, request) << line;
  }
  EXPECT_EQ(encode_destination_request(order_requests()[7]),
            "destination limit name=farm for_s=1 connections=2 per_minute=60");
}

TEST(DestinationRequest, RefusesWhatIsNoPlaceAndWhatHasNoEnd) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not written as"},
      {"destination", "not written as"},
      {"destination ", "not written as"},
      {"destination stop name=farm", "not written as"},
      {"destination suspend", "needs the name"},
      {"destination suspend name=", "needs the name"},
      {"destination list name=farm", "takes no operand"},
      {"destination suspend name=%2A.example.com", "takes ROUTE"},
      {"destination suspend name=@%2A", "takes ROUTE"},
      {"destination suspend name=*", "takes ROUTE"},
      {"destination suspend name=@", "takes ROUTE"},
      {"destination suspend name=host:", "takes ROUTE"},
      {"destination suspend name=user@example.com", "takes ROUTE"},
      {"destination suspend name=@a/b", "takes ROUTE"},
      {"destination suspend name=farm%0D%0Ax", "takes ROUTE"},
      {"destination suspend name=farm%00", "takes ROUTE"},
      {"destination suspend name=farm%20x", "takes ROUTE"},
      {"destination suspend name=%FF", "takes ROUTE"},
      {"destination suspend name=" + std::string(400, 'a'), "takes ROUTE"},
      {"destination suspend name=farm for_s=31622401", "366 days"},
      {"destination suspend name=farm for_s=-1", "366 days"},
      {"destination suspend name=farm for_s=9999999999999999999999", "not written as"},
      {"destination suspend name=farm until_ms=-5", "is ahead"},
      {"destination suspend name=farm for_s=1 until_ms=1", "either --for or --until"},
      {"destination suspend name=farm connections=2", "takes no --connections"},
      {"destination limit name=farm", "needs --connections or --rate"},
      {"destination limit name=host:a connections=2", "limits no host"},
      {"destination limit name=farm connections=100001", "at most 100000"},
      {"destination limit name=farm connections=4294967297", "not written as"},
      {"destination resume name=farm for_s=5", "takes no --for"},
      {"destination suspend name=farm reason=%1B%5B2J", "--reason takes"},
      {"destination suspend name=farm reason=" + std::string(201, 'a'), "--reason takes"},
      {"destination suspend name=farm for_s=07", "not written as"},
      {"destination suspend for_s=7 name=farm", "needs the name"},
      {"destination suspend name=farm ", "not written as"}};
  for (const auto& [line, problem] : cases) {
    const auto decoded = decode_destination_request(line);
    ASSERT_FALSE(decoded.has_value()) << line;
    EXPECT_THAT(decoded.error(), HasSubstr(problem)) << line;
  }
}

TEST(DestinationOrder, IsOfOnePlaceUntilAMoment) {
  const auto order = order_of({.verb = DestinationVerb::suspend, .name = "@B\xc3\xbc.example"}, kOrderNow, "root");
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->name(), "@xn--b-eha.example");
  EXPECT_EQ(order->until, kOrderNow + kDestinationForDefaultS * 1000);
  EXPECT_EQ(order_of({.verb = DestinationVerb::suspend, .name = "host:MX.Example"}, kOrderNow, "")->name(),
            "host:mx.example");
  EXPECT_EQ(order_of({.verb = DestinationVerb::suspend, .name = "mx/B\xc3\xbc.example"}, kOrderNow, "")->name(),
            "mx/xn--b-eha.example");
  EXPECT_FALSE(order_of({.verb = DestinationVerb::suspend, .name = "farm", .until_ms = kOrderNow}, kOrderNow, ""));
  EXPECT_FALSE(order_of({.verb = DestinationVerb::suspend, .name = "farm", .until_ms = INT64_MAX}, kOrderNow, ""));
  EXPECT_TRUE(order_of({.verb = DestinationVerb::suspend, .name = "farm", .until_ms = kOrderNow + 1}, kOrderNow, ""));
}

TEST(DestinationOrder, ComesBackFromALineOfAFile) {
  for (const DestinationRequest& request : order_requests()) {
    if (request.verb != DestinationVerb::suspend && request.verb != DestinationVerb::limit) continue;
    const auto order = order_of(request, kOrderNow - 1, "uid 7 = x");
    ASSERT_TRUE(order.has_value());
    const std::string line = encode_order(*order);
    EXPECT_EQ(decode_order(line), *order) << line;
    // Whatever is cut off, or put in its place.
    for (std::size_t size = 0; size < line.size(); ++size) {
      static_cast<void>(decode_order(line.substr(0, size)));
      std::string other = line;
      other[size] = '\x01';
      EXPECT_EQ(decode_order(other), std::nullopt) << other;
    }
  }
  EXPECT_EQ(decode_order(""), std::nullopt);
  EXPECT_EQ(decode_order("destination suspend name=farm since_ms=1 by=root"), std::nullopt);
}

TEST(DestinationOrder, IsShownWithItsEnd) {
  const auto order = order_of({.verb = DestinationVerb::limit,
                               .name = "farm",
                               .until_ms = kOrderNow + 61'500,
                               .connections = 2,
                               .per_minute = 60,
                               .reason = "slow"},
                              kOrderNow, "root");
  EXPECT_EQ(order_words(*order),
            "farm: limited to 2 at a time and 60 a minute until 2027-01-15 08:01:01 UTC by root: slow");
  EXPECT_THAT(render_orders({&*order, 1}, true, kOrderNow), HasSubstr("\"left_s\": 61"));
  EXPECT_THAT(render_orders({&*order, 1}, false, kOrderNow), HasSubstr("2 at a time and 60 a minute"));
  EXPECT_EQ(render_orders({}, false, kOrderNow), "no destination is suspended or limited\n");
}

}  // namespace
}  // namespace sluice::control
