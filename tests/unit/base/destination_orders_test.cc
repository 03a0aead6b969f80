// What the operator has ordered about destinations: which order holds of one, until when, and what a limit leaves.
#include "engine/base/destination_orders.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using OrderKind = DestinationOrder::Kind;

constexpr Instant kOrdersNow = Instant() + 1000h;

DestinationOrders::InForce suspension(OrderKind kind, std::string subject, Instant until = kOrdersNow + 1h) {
  return {.order = {.kind = kind, .subject = std::move(subject)}, .until = until, .limit = nullptr, .words = {}};
}

DestinationOrders::InForce limited(std::string subject) {
  return {.order = {.subject = std::move(subject), .connections = 1},
          .until = kOrdersNow + 1h,
          .limit = std::make_shared<SharedLimit>(1, 0),
          .words = {}};
}

std::string holds(const DestinationOrders& orders, std::string_view key, Instant now = kOrdersNow) {
  const auto* const order = orders.of_destination(key, now);
  return order == nullptr ? "" : order->order.name();
}

TEST(DestinationOrders, HoldOfADestinationItsDomainOrItsRoute) {
  const DestinationOrders orders(
      {suspension(OrderKind::destination, "mx/a.example"), suspension(OrderKind::domain, "b.example"),
       suspension(OrderKind::destination, "farm"), suspension(OrderKind::host, "mx.c.example")});
  EXPECT_EQ(holds(orders, "mx/a.example"), "mx/a.example");
  EXPECT_EQ(holds(orders, "other/a.example"), "");
  EXPECT_EQ(holds(orders, "mx/b.example"), "@b.example");
  EXPECT_EQ(holds(orders, "farm"), "farm");
  EXPECT_EQ(holds(orders, "farm/c.example"), "farm");
  EXPECT_EQ(holds(orders, "mx"), "");
  EXPECT_EQ(holds(orders, "mx/mx.c.example"), "");
  EXPECT_NE(orders.of_host("MX.C.example", kOrdersNow), nullptr);
  EXPECT_EQ(orders.of_host("c.example", kOrdersNow), nullptr);
  EXPECT_NE(orders.of_domain("b.example", kOrdersNow), nullptr);
}

TEST(DestinationOrders, ASuspensionGoesBeforeALimitAndTheNarrowBeforeTheWide) {
  const DestinationOrders orders(
      {limited("mx/a.example"), suspension(OrderKind::destination, "mx"), limited("farm/b.example"), limited("farm")});
  EXPECT_EQ(holds(orders, "mx/a.example"), "mx");
  EXPECT_EQ(holds(orders, "farm/b.example"), "farm/b.example");
  EXPECT_EQ(holds(orders, "farm/c.example"), "farm");
}

TEST(DestinationOrders, EndByThemselves) {
  const DestinationOrders orders({suspension(OrderKind::destination, "farm", kOrdersNow + 1s)});
  EXPECT_EQ(holds(orders, "farm"), "farm");
  EXPECT_EQ(holds(orders, "farm", kOrdersNow + 1s), "");
}

TEST(SharedLimit, LetsSoManyGoAtOneTime) {
  SharedLimit limit(2, 0);
  EXPECT_TRUE(limit.take(kOrdersNow));
  EXPECT_TRUE(limit.take(kOrdersNow));
  EXPECT_FALSE(limit.take(kOrdersNow));
  EXPECT_GT(limit.look_again(kOrdersNow), kOrdersNow);
  limit.give_back(1);
  EXPECT_TRUE(limit.take(kOrdersNow));
  limit.add(3);  // that were under way when it was made
  limit.give_back(3);
  EXPECT_FALSE(limit.take(kOrdersNow));
}

TEST(SharedLimit, LetsSoManyBeginInAMinute) {
  SharedLimit limit(0, 30);
  int begun = 0;
  for (Instant now = kOrdersNow; now < kOrdersNow + 60s; now += 100ms)
    if (limit.take(now)) ++begun;
  EXPECT_EQ(begun, 30);
  EXPECT_TRUE(limit.take(kOrdersNow + 60s));
  EXPECT_EQ(limit.look_again(kOrdersNow + 60s), kOrdersNow + 62s);
}

// What the rate refuses does not count as under way.
TEST(SharedLimit, CountsNothingThatDidNotBegin) {
  SharedLimit limit(1, 60);
  EXPECT_TRUE(limit.take(kOrdersNow));
  limit.give_back(1);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limit.take(kOrdersNow + 500ms));
  EXPECT_TRUE(limit.take(kOrdersNow + 1s));
}

}  // namespace
}  // namespace sluice
