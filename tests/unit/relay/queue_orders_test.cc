// What the operator has ordered about destinations, from the client's message to the next hop; under simulation.
#include <algorithm>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using OrderKind = DestinationOrder::Kind;

class QueueOrdersTest : public ::testing::Test {
 protected:
  // In the place of those before.
  void order(OrderKind kind, std::string subject, Duration lasts, std::shared_ptr<SharedLimit> limit = nullptr) {
    give(std::make_shared<const DestinationOrders>(std::vector<DestinationOrders::InForce>{
        {.order = {.kind = kind, .subject = std::move(subject), .connections = limit == nullptr ? 0U : 1U},
         .until = fixture_.fixture.loop.now() + lasts,
         .limit = std::move(limit),
         .words = "suspended by root"}}));
  }
  void resume() { give(std::make_shared<const DestinationOrders>()); }
  void give(const DestinationOrders::Snapshot& orders) {
    bool done = false;
    fixture_.fixture.loop.post([&] {
      fixture_.fixture.memory.set_orders(orders);
      fixture_.queue().set_orders(orders);
      done = true;
    });
    ASSERT_TRUE(fixture_.run_until([&] { return done; }));
  }
  std::size_t taken() {
    return static_cast<std::size_t>(
        std::ranges::count_if(fixture_.hop().ledger, [](const testing::HopMessage& each) { return each.answered; }));
  }

  QueueFixture fixture_;
};

// Kept, not refused: in each way in which a message may come.
TEST_F(QueueOrdersTest, MailForASuspendedDestinationIsKeptUntilTheEnd) {
  for (const auto& [mode, dialog, fallback] :
       {std::tuple(route::RouteMode::store, route::RouteDialog::late, true),
        std::tuple(route::RouteMode::through, route::RouteDialog::late, true),
        std::tuple(route::RouteMode::through, route::RouteDialog::eager, true),
        std::tuple(route::RouteMode::through, route::RouteDialog::late, false)}) {
    for (const auto& [kind, subject] :
         {std::pair(OrderKind::destination, "farm"), std::pair(OrderKind::domain, "example.net"),
          std::pair(OrderKind::host, Fixture::kFirst)}) {
      SCOPED_TRACE(subject);
      QueueFixture fixture;
      fixture.fixture.route.mode = mode;
      fixture.fixture.route.dialog = dialog;
      fixture.fixture.route.fallback = fallback;
      fixture.options().expire = 24h;
      fixture.start();
      const Instant until = fixture.fixture.loop.now() + 2h;
      const auto orders = std::make_shared<const DestinationOrders>(
          std::vector<DestinationOrders::InForce>{{.order = {.kind = kind, .subject = subject},
                                                   .until = until,
                                                   .limit = nullptr,
                                                   .words = "suspended by root"}});
      fixture.fixture.memory.set_orders(orders);
      fixture.fixture.loop.post([&] { fixture.queue().set_orders(orders); });
      EXPECT_EQ(fixture.send(kQueuedText), 250);
      ASSERT_TRUE(fixture.fixture.platforms.run_for(1h));
      EXPECT_TRUE(fixture.hop().ledger.empty());
      EXPECT_EQ(fixture.spool().messages(), 1U);
      EXPECT_EQ(fixture.notes.count(DeliveryOutcome::deferred), 0U) << "an attempt that was none is no attempt";
      ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
      EXPECT_GE(fixture.fixture.loop.now(), until);
      EXPECT_EQ(fixture.hop().ledger.size(), 1U);
    }
  }
}

// Of a route's domains one is suspended: its mail waits apart, and goes as the others' once that is over.
TEST_F(QueueOrdersTest, OneDomainOfARouteWaitsAlone) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.start();
  order(OrderKind::domain, "late.example", 30min);
  EXPECT_EQ(fixture_.send(kQueuedText, {"a@late.example", "b@example.net"}), 250);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5min));
  ASSERT_EQ(taken(), 1U);
  EXPECT_THAT(fixture_.hop().ledger.front().recipients, ::testing::ElementsAre("b@example.net"));
  const spool::QueueId id = fixture_.spool().index().begin()->first;
  const auto jobs = fixture_.queue().jobs(id);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(fixture_.queue().schedule().status(jobs.front().destination)->name, "farm/late.example");
  resume();
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
  EXPECT_EQ(taken(), 2U);
}

// Jobs that were made before the order, and found again by a restart that does not heed it.
TEST_F(QueueOrdersTest, AMessageThatWaitsAlreadyIsSuspendedToo) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.options().expire = 24h;
  fixture_.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture_.start();
  EXPECT_EQ(fixture_.send(kQueuedText), 250);
  ASSERT_TRUE(fixture_.run_until(
      [&] { return fixture_.queue().counters().tries > 0 && fixture_.queue().schedule().running() == 0; }));
  order(OrderKind::domain, "example.net", 2h);
  fixture_.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(30min));
  EXPECT_TRUE(fixture_.hop().ledger.empty());
  resume();
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
}

TEST_F(QueueOrdersTest, WhatWaitsForASuspendedDestinationExpiresAsOther) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.options().expire = 10min;
  fixture_.options().delay_dsn = {};
  fixture_.start();
  order(OrderKind::destination, "farm", 1h);
  EXPECT_EQ(fixture_.send(kQueuedText), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::expired) == 1; }));
  EXPECT_TRUE(fixture_.hop().ledger.empty());
  resume();
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
}

TEST_F(QueueOrdersTest, MailForALimitedDestinationGoesByTheQueueOneByOne) {
  fixture_.start();
  order(OrderKind::destination, "farm", 1h, std::make_shared<SharedLimit>(1, 6));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture_.send(kQueuedText), 250);
  EXPECT_LE(taken(), 1U);
  const Instant began = fixture_.fixture.loop.now();
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
  EXPECT_EQ(taken(), 5U);
  EXPECT_GE(fixture_.fixture.loop.now() - began, 30s);
}

// A host that is suspended is passed over as long as there is another.
TEST(QueueHostOrdersTest, AnotherHostOfTheDestinationIsUsed) {
  QueueFixture fixture(1, {}, 2);
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  const auto orders = std::make_shared<const DestinationOrders>(
      std::vector<DestinationOrders::InForce>{{.order = {.kind = OrderKind::host, .subject = Fixture::kFirst},
                                               .until = fixture.fixture.loop.now() + 1h,
                                               .limit = nullptr,
                                               .words = {}}});
  fixture.fixture.memory.set_orders(orders);
  fixture.fixture.loop.post([&] { fixture.queue().set_orders(orders); });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_TRUE(fixture.hop(0).ledger.empty());
  EXPECT_EQ(fixture.hop(1).ledger.size(), 6U);
}

}  // namespace
}  // namespace sluice::relay
