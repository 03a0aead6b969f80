// What is known of a destination is one, whoever learned it: the queue, or a client that waited.
#include <algorithm>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText = "From: ann@example.com\r\nSubject: x\r\n\r\nHello.\r\n";

schedule::DestinationStatus farm(QueueBench& bench) {
  return *bench.queue().schedule().status(bench.queue().schedule().find_destination("farm"));
}

TEST(QueueLearningTest, WhatIsSaidToAClientThatWaitsIsKnownOfTheDestination) {
  QueueBench bench;
  bench.start();
  bench.hop().add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(bench.send(kText), 250);
  EXPECT_THAT(std::string(farm(bench).last_response), HasSubstr("not now"));
  EXPECT_EQ(farm(bench).ready, 0U);
  EXPECT_EQ(farm(bench).window, 1U) << "a 4xx halves what may be transmitted at a time";
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
}

TEST(QueueLearningTest, AHopThatClientsFindDeadIsLeftAloneByTheQueue) {
  QueueBench bench;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  EXPECT_TRUE(farm(bench).suspended);
  EXPECT_EQ(bench.queue().schedule().counters().suspensions, 1U);
}

// The queue left it alone for an hour while mail of clients went there again.
TEST(QueueLearningTest, AHopThatClientsFindAliveIsTriedByTheQueue) {
  QueueBench bench;
  bench.options().schedule.throttle = {.suspend_first = 1h, .suspend_max = 1h};
  bench.options().curve = schedule::RetryCurve({1s}, 0);
  bench.options().expire = 24h;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  ASSERT_TRUE(bench.bench.platforms.run_for(2min));
  EXPECT_TRUE(farm(bench).suspended);
  bench.bench.platforms.world().set_reachable(Bench::kFirst, true);
  EXPECT_EQ(bench.send(kText, {"eve@example.net"}), 250);
  ASSERT_TRUE(bench.bench.platforms.run_for(10s));
  EXPECT_TRUE(bench.empty());
  EXPECT_FALSE(farm(bench).suspended);
}

TEST(QueueLearningTest, ACrowdOfClientsDoesNotShutADestinationAtOnce) {
  QueueBench bench;
  bench.options().schedule.throttle.concurrency_start = 16;
  bench.start();
  bench.bench.loop.post([&] {
    schedule::Schedule& schedule = const_cast<schedule::Schedule&>(bench.queue().schedule());
    const schedule::DestinationId id = schedule.destination("farm", "farm");
    for (int i = 0; i < 50; ++i) schedule.observed(id, schedule::Verdict::deferred, bench.bench.loop.now());
  });
  ASSERT_TRUE(bench.bench.platforms.run_for(1s));
  EXPECT_EQ(farm(bench).window, 8U);
}

// A few mailboxes that were full brought a whole farm down to one message a minute, for all customers.
TEST(QueueLearningTest, AFullMailboxSaysNothingOfItsServer) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.options().schedule.throttle.concurrency_start = 8;
  bench.start();
  bench.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "452 4.2.2 Mailbox full\r\n", .only_for = "full@"});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bench.send(kText, {"full@example.net"}), 250);
  ASSERT_TRUE(bench.bench.platforms.run_for(1s));
  EXPECT_EQ(farm(bench).window, 8U);
  EXPECT_LE(farm(bench).not_before, bench.bench.loop.now());
}

// Behind a dead host one message at a time is tried: the senders of all others heard of it when it was given up.
TEST(QueueLearningTest, EachSenderIsToldThatMailForADeadHostIsLate) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.options().schedule.throttle = {.suspend_first = 12h, .suspend_max = 12h};
  bench.options().delay_report = 1h;
  bench.options().expire = 24h;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.send(kText), 250);
  ASSERT_TRUE(bench.bench.platforms.run_for(59min));
  EXPECT_EQ(bench.queue().counters().reports, 0U);
  ASSERT_TRUE(bench.bench.platforms.run_for(2min));
  EXPECT_EQ(bench.queue().counters().reports, 5U);
  // Once; and their time is what it was.
  ASSERT_TRUE(bench.bench.platforms.run_for(10h));
  EXPECT_EQ(bench.queue().counters().reports, 5U);
  EXPECT_EQ(bench.queue().counters().recipients_expired, 0U);
  ASSERT_TRUE(bench.bench.platforms.run_for(13h + 30min));
  EXPECT_EQ(bench.queue().counters().recipients_expired, 5U);
}

// Success of mail that never waited for it leaves nothing behind.
TEST(QueueLearningTest, NothingIsRememberedOfWhatGoesWell) {
  QueueBench bench;
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  EXPECT_FALSE(bench.queue().schedule().find_destination("farm"));
}

// ------------------------------------------------------------------------------------ DSNs

TEST(QueueLearningTest, DsnsTakeTheRouteThatIsSetForThem) {
  QueueBench bench(1, {}, 2);
  // All mail goes to the first next hop, whatever its sender; DSNs to the second.
  bench.routes.push_back(
      {.route = bench.bench.route, .conditions = {.recipients = {"of.no.one"}, .senders = {}, .customers = {}}});
  bench.routes.back().route.name = "reports";
  bench.routes.back().route.hosts = {bench.bench.route.hosts[1]};
  bench.bench.route.hosts.pop_back();
  bench.dsn_route = 0;
  bench.start();
  bench.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  bench.hop(1).add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(bench.send(kText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  ASSERT_EQ(bench.hop(1).ledger.size(), 1U);
  EXPECT_EQ(bench.hop(1).ledger.front().reverse_path, "");
  EXPECT_EQ(bench.hop().ledger.size(), 1U);
  // And is retried as mail is.
  EXPECT_EQ(bench.notes.count(DeliveryOutcome::deferred), 1U);
}

}  // namespace
}  // namespace sluice::relay
