// What is known of a destination is one, however it was learned: by the queue, or while a client waited.
#include <algorithm>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;

schedule::DestinationStatus farm(QueueFixture& fixture) {
  return *fixture.queue().schedule().status(fixture.queue().schedule().find_destination("farm"));
}

TEST(QueueLearningTest, WhatIsSaidToAClientThatWaitsIsKnownOfTheDestination) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_THAT(std::string(farm(fixture).last_response), HasSubstr("not now"));
  EXPECT_EQ(farm(fixture).ready, 0U);
  EXPECT_EQ(farm(fixture).window, 1U) << "a 4xx halves what may be transmitted at a time";
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
}

TEST(QueueLearningTest, AHopThatClientsFindDeadIsLeftAloneByTheQueue) {
  QueueFixture fixture;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_TRUE(farm(fixture).suspended);
  EXPECT_EQ(fixture.queue().schedule().counters().suspensions, 1U);
}

// The queue left it alone for an hour while mail of clients went there again.
TEST(QueueLearningTest, AHopThatClientsFindAliveIsTriedByTheQueue) {
  QueueFixture fixture;
  fixture.options().schedule.throttle = {.suspend_first = 1h, .suspend_max = 1h};
  fixture.options().curve = schedule::RetryCurve({1s}, 0);
  fixture.options().expire = 24h;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(2min));
  EXPECT_TRUE(farm(fixture).suspended);
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  EXPECT_EQ(fixture.send(kQueuedText, {"eve@example.net"}), 250);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(10s));
  EXPECT_TRUE(fixture.empty());
  EXPECT_FALSE(farm(fixture).suspended);
}

TEST(QueueLearningTest, ACrowdOfClientsDoesNotShutADestinationAtOnce) {
  QueueFixture fixture;
  fixture.options().schedule.throttle.concurrency_start = 16;
  fixture.start();
  fixture.fixture.loop.post([&] {
    schedule::Schedule& schedule = const_cast<schedule::Schedule&>(fixture.queue().schedule());
    const schedule::DestinationId id = schedule.destination("farm", "farm");
    for (int i = 0; i < 50; ++i) schedule.observed(id, schedule::Verdict::deferred, fixture.fixture.loop.now());
  });
  ASSERT_TRUE(fixture.fixture.platforms.run_for(1s));
  EXPECT_EQ(farm(fixture).window, 8U);
}

// A few mailboxes that were full brought a whole farm down to one message a minute, for all customers.
TEST(QueueLearningTest, AFullMailboxSaysNothingOfItsServer) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.options().schedule.throttle.concurrency_start = 8;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "452 4.2.2 Mailbox full\r\n", .only_for = "full@"});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(fixture.send(kQueuedText, {"full@example.net"}), 250);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(1s));
  EXPECT_EQ(farm(fixture).window, 8U);
  EXPECT_LE(farm(fixture).not_before, fixture.fixture.loop.now());
}

// Behind a dead host one message at a time is tried: the senders of all others heard of it when it was given up.
TEST(QueueLearningTest, EachSenderIsToldThatMailForADeadHostIsLate) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.options().schedule.throttle = {.suspend_first = 12h, .suspend_max = 12h};
  fixture.options().delay_dsn = 1h;
  fixture.options().expire = 24h;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(59min));
  EXPECT_EQ(fixture.queue().counters().dsns.sent, 0U);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(2min));
  EXPECT_EQ(fixture.queue().counters().dsns.sent, 5U);
  // Once; and their time is what it was.
  ASSERT_TRUE(fixture.fixture.platforms.run_for(10h));
  EXPECT_EQ(fixture.queue().counters().dsns.sent, 5U);
  EXPECT_EQ(fixture.queue().counters().recipients_expired, 0U);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(13h + 30min));
  EXPECT_EQ(fixture.queue().counters().recipients_expired, 5U);
}

// Success of mail that never waited for it leaves nothing behind.
TEST(QueueLearningTest, NothingIsRememberedOfWhatGoesWell) {
  QueueFixture fixture;
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_FALSE(fixture.queue().schedule().find_destination("farm"));
}

// ------------------------------------------------------------------------------------ DSNs

TEST(QueueLearningTest, DsnsTakeTheRouteThatIsSetForThem) {
  QueueFixture fixture(1, {}, 2);
  // All mail goes to the first next hop, whatever its sender; DSNs to the second.
  fixture.routes.push_back(
      {.route = fixture.fixture.route, .conditions = {.recipients = {"of.no.one"}, .senders = {}, .customers = {}}});
  fixture.routes.back().route.name = "reports";
  fixture.routes.back().route.hosts = {fixture.fixture.route.hosts[1]};
  fixture.fixture.route.hosts.pop_back();
  fixture.dsn_route = 0;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  fixture.hop(1).add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  ASSERT_EQ(fixture.hop(1).ledger.size(), 1U);
  EXPECT_EQ(fixture.hop(1).ledger.front().reverse_path, "");
  EXPECT_EQ(fixture.hop().ledger.size(), 1U);
  // And is retried as mail is.
  EXPECT_EQ(fixture.notes.count(DeliveryOutcome::deferred), 1U);
}

}  // namespace
}  // namespace sluice::relay
