// What becomes of a message from its acceptance to its end: through, kept, delivered, reported; under simulation.
#include <algorithm>
#include <set>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText = "From: ann@example.com\r\nSubject: x\r\n\r\nHello.\r\n";

// Those that the hop has taken, reports apart.
std::size_t taken(const testing::NextHop& hop, bool reports = false) {
  return static_cast<std::size_t>(std::ranges::count_if(hop.ledger, [&](const testing::HopMessage& message) {
    return message.answered && message.reverse_path.empty() == reports;
  }));
}

TEST(QueueTest, StoreModeKeepsAndDelivers) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  ASSERT_EQ(taken(bench.hop()), 1U);
  EXPECT_THAT(bench.hop().ledger.front().content, HasSubstr("Hello."));
  EXPECT_EQ(bench.spool().counters().stored, 1U);
}

TEST(QueueTest, ThroughTouchesNoDiskWhenAllGoesWell) {
  QueueBench bench;
  bench.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.send(kText), 250);
  EXPECT_EQ(taken(bench.hop()), 5U);
  EXPECT_EQ(bench.spool().log_counters().records, 0U);
}

TEST(QueueTest, WhatTheNextHopDoesNotTakeNowIsDeliveredLater) {
  QueueBench bench;
  bench.start();
  bench.hop().add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(bench.send(kText), 250);
  EXPECT_EQ(taken(bench.hop()), 0U);
  EXPECT_EQ(bench.spool().messages(), 1U);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 1U);
}

TEST(QueueTest, AHopThatIsAwayIsLeftAloneForAllItsMessages) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(bench.send(kText), 250);
  ASSERT_TRUE(bench.bench.platforms.run_for(5min));
  EXPECT_EQ(bench.spool().messages(), 40U);
  // A probe each ten seconds or so, not forty tries.
  EXPECT_LT(bench.queue().counters().tries, 60U);
  EXPECT_GT(bench.queue().schedule().counters().suspensions, 3U);
  bench.bench.platforms.world().set_reachable(Bench::kFirst, true);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 40U);
}

TEST(QueueTest, ARecipientThatIsRefusedIsReportedWhereOthersAreTaken) {
  QueueBench bench;
  bench.start();
  bench.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_EQ(bench.send(kText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 1U) << bench.hop().ledger.back().content;
  ASSERT_EQ(taken(bench.hop(), true), 1U);
  const testing::HopMessage& report = bench.hop().ledger.back();
  EXPECT_THAT(report.recipients, ::testing::ElementsAre("ann@example.com"));
  EXPECT_THAT(report.content, HasSubstr("Final-Recipient: rfc822; nobody@example.net"));
  EXPECT_THAT(report.content, HasSubstr("Action: failed"));
}

TEST(QueueTest, AMessageThatIsRefusedWholeIsTheClients) {
  QueueBench bench;
  bench.start();
  bench.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n"});
  EXPECT_EQ(bench.send(kText), 550);
  EXPECT_TRUE(bench.empty());
  EXPECT_EQ(taken(bench.hop(), true), 0U);
}

TEST(QueueTest, WithoutASenderNobodyIsTold) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.start();
  bench.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n"});
  EXPECT_EQ(bench.send(kText, {"bob@example.net"}, ""), 250);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_TRUE(bench.hop().ledger.empty());
}

TEST(QueueTest, WhatIsNotDeliveredInTimeIsReported) {
  QueueBench bench;
  bench.options().expire = 10min;
  bench.bench.route.mode = route::RouteMode::store;
  bench.start();
  bench.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "451 4.3.0 not now\r\n", .only_for = "bob"});
  EXPECT_EQ(bench.send(kText), 250);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 0U);
  EXPECT_EQ(taken(bench.hop(), true), 1U);
  EXPECT_EQ(bench.notes.count(DeliveryOutcome::expired), 1U);
  EXPECT_GT(std::ranges::count(bench.notes.codes, 451), 5) << ::testing::PrintToString(bench.notes.codes);
}

TEST(QueueTest, SuccessIsReportedWhereTheNextHopWouldNot) {
  for (const bool dsn : {false, true}) {
    QueueBench bench;
    bench.hop().rules.dsn = dsn;
    bench.start();
    EXPECT_EQ(bench.send(kText, {"bob@example.net"}, "ann@example.com", {.success = true}), 250);
    ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
    EXPECT_EQ(taken(bench.hop(), true), dsn ? 0U : 1U);
  }
}

TEST(QueueTest, ARestartFindsTheQueueAgain) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bench.send(kText), 250);
  bench.run_until([&] { return bench.queue().counters().tries > 0; });
  bench.stop();
  bench.start();
  EXPECT_EQ(bench.spool().messages(), 10U);
  bench.bench.platforms.world().set_reachable(Bench::kFirst, true);
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 10U);
}

TEST(QueueTest, HeldMessagesWaitForTheOperator) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  const spool::QueueId id = bench.spool().index().begin()->first;
  ASSERT_TRUE(
      bench.run_until([&] { return bench.queue().counters().tries > 0 && bench.queue().schedule().running() == 0; }));
  const auto order = [&](Queue::Order what) {
    return testing::await<bool>(bench.bench.platforms, bench.bench.loop, [&] { return bench.queue().order(id, what); });
  };
  EXPECT_TRUE(order(Queue::Order::hold));
  EXPECT_EQ(bench.queue().jobs(id).front().state, schedule::JobState::held);
  bench.bench.platforms.world().set_reachable(Bench::kFirst, true);
  ASSERT_TRUE(bench.bench.platforms.run_for(10min));
  EXPECT_EQ(bench.spool().messages(), 1U);
  bench.stop();
  bench.start();
  ASSERT_TRUE(bench.bench.platforms.run_for(10min));
  EXPECT_EQ(bench.spool().messages(), 1U);
  EXPECT_TRUE(order(Queue::Order::release));
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  EXPECT_EQ(taken(bench.hop()), 1U);
}

TEST(QueueTest, ARemovedMessageIsGoneAndNobodyIsTold) {
  QueueBench bench;
  bench.bench.route.mode = route::RouteMode::store;
  bench.bench.platforms.world().set_reachable(Bench::kFirst, false);
  bench.start();
  EXPECT_EQ(bench.send(kText), 250);
  const spool::QueueId id = bench.spool().index().begin()->first;
  ASSERT_TRUE(
      bench.run_until([&] { return bench.queue().counters().tries > 0 && bench.queue().schedule().running() == 0; }));
  EXPECT_TRUE(testing::await<bool>(bench.bench.platforms, bench.bench.loop,
                                   [&] { return bench.queue().order(id, Queue::Order::remove); }));
  ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
  bench.bench.platforms.world().set_reachable(Bench::kFirst, true);
  ASSERT_TRUE(bench.bench.platforms.run_for(10min));
  EXPECT_TRUE(bench.hop().ledger.empty());
}

// Everything goes wrong at random; nothing that was answered with 250 may be gone.
TEST(QueueTest, NothingAcceptedIsLostWhateverTheNextHopDoes) {
  constexpr HopStage kStages[] = {HopStage::greeting, HopStage::ehlo, HopStage::mail,   HopStage::recipient,
                                  HopStage::chunk,    HopStage::data, HopStage::message};
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    QueueBench bench(seed, sim::SimOptions::varied(seed));
    sim::SimRandom chance(seed);
    bench.bench.route.mode = chance.percent(50) ? route::RouteMode::store : route::RouteMode::through;
    bench.hop().rules.chunking = chance.percent(50);
    bench.hop().rules.pipelining = chance.percent(70);
    bench.bench.platforms.world().turns_max = 10'000'000;  // some seeds send an octet at a time
    bench.start();
    std::set<std::string> accepted;
    for (int i = 0; i < 12; ++i) {
      if (chance.percent(50))
        bench.hop().add({.stage = kStages[chance.below(std::size(kStages))],
                         .after = static_cast<unsigned>(chance.below(3)),
                         .say = chance.percent(50) ? "451 4.3.0 not now\r\n" : "",
                         .hang_up = chance.percent(50)});
      const std::string mark = "mark-" + std::to_string(i) + "-";
      const std::string padding(chance.below(2) * 9'000, 'x');
      std::string body = "From: ann@example.com\r\nX-Mark: " + mark + "\r\n\r\n";
      for (std::size_t at = 0; at < padding.size(); at += 70) body += padding.substr(at, 70) + "\r\n";
      if (bench.send(body) == 250) accepted.insert(mark);
      if (chance.percent(10)) {
        bench.stop();
        bench.start();
      }
    }
    bench.hop().forgive();
    ASSERT_TRUE(bench.run_until([&] { return bench.empty(); }));
    std::string story = "codes:";
    for (const int code : bench.notes.codes) story += " " + std::to_string(code);
    for (const auto& [what, count] : bench.notes.events) story += "; " + what + " " + std::to_string(count);
    SCOPED_TRACE(story);
    for (const std::string& mark : accepted)
      EXPECT_TRUE(std::ranges::any_of(bench.hop().ledger, [&](const testing::HopMessage& message) {
        return message.content.find(mark) != std::string::npos;
      })) << mark;
  }
}

}  // namespace
}  // namespace sluice::relay
