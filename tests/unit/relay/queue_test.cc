// What becomes of a message from its acceptance to its end: through, kept, delivered, reported; under simulation.
#include <algorithm>
#include <set>

#include "tests/support/rounds.h"
#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;

// Those that the hop has taken, reports apart.
std::size_t taken(const testing::NextHop& hop, bool reports = false) {
  return static_cast<std::size_t>(std::ranges::count_if(hop.ledger, [&](const testing::HopMessage& message) {
    return message.answered && message.reverse_path.empty() == reports;
  }));
}

TEST(QueueTest, StoreModeKeepsAndDelivers) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  ASSERT_EQ(taken(fixture.hop()), 1U);
  EXPECT_THAT(fixture.hop().ledger.front().content, HasSubstr("Hello."));
  EXPECT_EQ(fixture.spool().counters().stored, 1U);
  EXPECT_EQ(observed(fixture.queue().counters().first_attempt), 1U);
  EXPECT_EQ(observed(fixture.queue().counters().delivered), 1U);
  EXPECT_EQ(observed(fixture.fixture.counters.final_reply), 1U);
}

// The first attempt was by cut-through; the wait for delivery is that of the client's message.
TEST(QueueTest, WhatWaitsForAnotherAttemptIsMeasuredFromItsArrival) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  const QueueCounters& counters = fixture.queue().counters();
  EXPECT_EQ(observed(counters.first_attempt), 0U);
  ASSERT_EQ(observed(counters.delivered), 1U);
  const auto first_wait = std::ranges::lower_bound(kQueueBounds, Duration(1min)) - kQueueBounds.begin();
  EXPECT_EQ(observed(counters.delivered) - counters.delivered.counts()[0], 1U);
  for (auto i = 0; i < first_wait; ++i) EXPECT_EQ(counters.delivered.counts()[static_cast<std::size_t>(i)], 0U);
}

TEST(QueueTest, ThroughTouchesNoDiskWhenAllGoesWell) {
  QueueFixture fixture;
  fixture.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_EQ(taken(fixture.hop()), 5U);
  EXPECT_EQ(fixture.spool().log_counters().records, 0U);
}

TEST(QueueTest, WhatTheNextHopDoesNotTakeNowIsDeliveredLater) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add({.stage = HopStage::mail, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_EQ(taken(fixture.hop()), 0U);
  EXPECT_EQ(fixture.spool().messages(), 1U);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 1U);
}

TEST(QueueTest, AHopThatIsAwayIsLeftAloneForAllItsMessages) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(5min));
  EXPECT_EQ(fixture.spool().messages(), 40U);
  // A probe each ten seconds or so, not forty tries.
  EXPECT_LT(fixture.queue().counters().tries, 60U);
  EXPECT_GT(fixture.queue().schedule().counters().suspensions, 3U);
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 40U);
}

TEST(QueueTest, ARecipientThatIsRefusedIsReportedWhereOthersAreTaken) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_EQ(fixture.send(kQueuedText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 1U) << fixture.hop().ledger.back().content;
  ASSERT_EQ(taken(fixture.hop(), true), 1U);
  const testing::HopMessage& report = fixture.hop().ledger.back();
  EXPECT_THAT(report.recipients, ::testing::ElementsAre("ann@example.com"));
  EXPECT_THAT(report.content, HasSubstr("Final-Recipient: rfc822; nobody@example.net"));
  EXPECT_THAT(report.content, HasSubstr("Action: failed"));
}

TEST(QueueTest, AMessageThatIsRefusedWholeIsTheClients) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText), 550);
  EXPECT_TRUE(fixture.empty());
  EXPECT_EQ(taken(fixture.hop(), true), 0U);
}

TEST(QueueTest, WithoutASenderNobodyIsTold) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  fixture.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText, {"bob@example.net"}, ""), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_TRUE(fixture.hop().ledger.empty());
}

TEST(QueueTest, WhatIsNotDeliveredInTimeIsReported) {
  QueueFixture fixture;
  fixture.options().expire = 10min;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "451 4.3.0 not now\r\n", .only_for = "bob"});
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 0U);
  EXPECT_EQ(taken(fixture.hop(), true), 1U);
  EXPECT_EQ(fixture.notes.count(DeliveryOutcome::expired), 1U);
  EXPECT_GT(std::ranges::count(fixture.notes.codes, 451), 5) << ::testing::PrintToString(fixture.notes.codes);
}

TEST(QueueTest, SuccessIsReportedWhereTheNextHopWouldNot) {
  for (const bool dsn : {false, true}) {
    QueueFixture fixture;
    fixture.hop().rules.dsn = dsn;
    fixture.start();
    EXPECT_EQ(fixture.send(kQueuedText, {"bob@example.net"}, "ann@example.com", {.success = true}), 250);
    ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
    EXPECT_EQ(taken(fixture.hop(), true), dsn ? 0U : 1U);
  }
}

// A customer whose mail all fails must not have us send as many DSNs as it sent messages.
TEST(QueueTest, WhatIsOverACustomersBudgetIsNotReported) {
  QueueFixture fixture;
  fixture.options().dsn_budget.per_hour = 2;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture.send(kQueuedText, {"nobody@example.net"}), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop(), true), 2U);
  EXPECT_EQ(fixture.queue().counters().dsns.sent, 2U);
  EXPECT_EQ(fixture.queue().counters().dsns.withheld, 3U);
  EXPECT_EQ(fixture.notes.events["report not sent"], 3);
}

// A long message, whose beginning has gone to the next hop when it turns out that the rest cannot be read.
TEST(QueueTest, AMessageWhoseContentCannotBeReadIsQuarantined) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText + std::string(20'000 * 60, 'x') + "\r\n"), 250);
  const spool::QueueId id = fixture.spool().index().begin()->first;
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  {
    using Read = std::expected<spool::Message, std::string>;
    const auto read =
        testing::await<Read>(fixture.fixture.platforms, fixture.fixture.loop, [&] { return fixture.spool().read(id); });
    ASSERT_GT(read->stored.pieces.size(), 1U);
    const spool::Location piece = read->stored.pieces[1];
    fixture.fixture.platforms.world()
        .disk(Fixture::kRelay)
        .flip_bit(std::string(QueueFixture::kDirectory) + "/" + spool::segment_name(piece.segment), piece.offset + 40);
  }
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 1U);
  EXPECT_EQ(fixture.notes.events["damaged"], 1);
  EXPECT_EQ(fixture.spool().counters().quarantined, 1U);
  EXPECT_EQ(fixture.queue().messages(), 0U);
}

TEST(QueueTest, ARestartFindsTheQueueAgain) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(fixture.send(kQueuedText), 250);
  fixture.run_until([&] { return fixture.queue().counters().tries > 0; });
  fixture.stop();
  fixture.start();
  EXPECT_EQ(fixture.spool().messages(), 10U);
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 10U);
}

TEST(QueueTest, HeldMessagesWaitForTheOperator) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  const spool::QueueId id = fixture.spool().index().begin()->first;
  ASSERT_TRUE(fixture.run_until(
      [&] { return fixture.queue().counters().tries > 0 && fixture.queue().schedule().running() == 0; }));
  const auto order = [&](Queue::Order what) {
    return testing::await<bool>(fixture.fixture.platforms, fixture.fixture.loop,
                                [&] { return fixture.queue().order(id, what); });
  };
  EXPECT_TRUE(order(Queue::Order::hold));
  EXPECT_EQ(fixture.queue().jobs(id).front().state, schedule::JobState::held);
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(10min));
  EXPECT_EQ(fixture.spool().messages(), 1U);
  fixture.stop();
  fixture.start();
  ASSERT_TRUE(fixture.fixture.platforms.run_for(10min));
  EXPECT_EQ(fixture.spool().messages(), 1U);
  EXPECT_TRUE(order(Queue::Order::release));
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 1U);
}

TEST(QueueTest, ARemovedMessageIsGoneAndNobodyIsTold) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  const spool::QueueId id = fixture.spool().index().begin()->first;
  ASSERT_TRUE(fixture.run_until(
      [&] { return fixture.queue().counters().tries > 0 && fixture.queue().schedule().running() == 0; }));
  EXPECT_TRUE(testing::await<bool>(fixture.fixture.platforms, fixture.fixture.loop,
                                   [&] { return fixture.queue().order(id, Queue::Order::remove); }));
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.fixture.platforms.run_for(10min));
  EXPECT_TRUE(fixture.hop().ledger.empty());
}

TEST(QueueTest, AHoldKeepsItsReasonThroughARestart) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  const spool::QueueId id = fixture.spool().index().begin()->first;
  const auto hold = [&](const std::string& why) {
    return testing::await<bool>(fixture.fixture.platforms, fixture.fixture.loop,
                                [&] { return fixture.queue().order(id, Queue::Order::hold, why); });
  };
  const auto reason = [&] {
    return testing::await<std::optional<message::DeliveryStatus>>(fixture.fixture.platforms, fixture.fixture.loop,
                                                                  [&] { return fixture.spool().read_status(id); })
        ->hold_reason;
  };
  EXPECT_TRUE(hold("looks like spam"));
  // The first one is why it waits.
  EXPECT_TRUE(hold("another"));
  EXPECT_EQ(reason(), "looks like spam");
  fixture.stop();
  fixture.start();
  EXPECT_EQ(reason(), "looks like spam");
  EXPECT_TRUE(testing::await<bool>(fixture.fixture.platforms, fixture.fixture.loop,
                                   [&] { return fixture.queue().order(id, Queue::Order::release); }));
  EXPECT_EQ(reason(), "");
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_EQ(taken(fixture.hop()), 1U);
}

TEST(QueueTest, OfARejectedMessageItsSenderIsTold) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  const spool::QueueId id = fixture.spool().index().begin()->first;
  ASSERT_TRUE(fixture.run_until(
      [&] { return fixture.queue().counters().tries > 0 && fixture.queue().schedule().running() == 0; }));
  for (const auto& [order, why] : {std::pair(Queue::Order::hold, "spam"), std::pair(Queue::Order::reject, "not yours")})
    EXPECT_TRUE(testing::await<bool>(fixture.fixture.platforms, fixture.fixture.loop,
                                     [&] { return fixture.queue().order(id, order, why); }));
  ASSERT_TRUE(fixture.run_until([&] { return !fixture.spool().has(id); }));
  EXPECT_EQ(fixture.queue().counters().dsns.sent, 1U);
  EXPECT_EQ(fixture.queue().counters().recipients_taken, 0U);
  fixture.fixture.platforms.world().set_reachable(Fixture::kFirst, true);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
}

// Everything goes wrong at random; nothing that was answered with 250 may be gone.
TEST(QueueTest, NothingAcceptedIsLostWhateverTheNextHopDoes) {
  constexpr HopStage kStages[] = {HopStage::greeting, HopStage::ehlo, HopStage::mail,   HopStage::recipient,
                                  HopStage::chunk,    HopStage::data, HopStage::message};
  for (std::uint64_t seed = 1; seed <= testing::rounds(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    QueueFixture fixture(seed, sim::SimOptions::varied(seed));
    sim::SimRandom chance(seed);
    fixture.fixture.route.mode = chance.percent(50) ? route::RouteMode::store : route::RouteMode::through;
    fixture.hop().rules.chunking = chance.percent(50);
    fixture.hop().rules.pipelining = chance.percent(70);
    fixture.fixture.platforms.world().turns_max = 10'000'000;  // some seeds send a byte at a time
    fixture.start();
    std::set<std::string> accepted;
    for (int i = 0; i < 12; ++i) {
      if (chance.percent(50))
        fixture.hop().add({.stage = kStages[chance.below(std::size(kStages))],
                           .after = static_cast<unsigned>(chance.below(3)),
                           .say = chance.percent(50) ? "451 4.3.0 not now\r\n" : "",
                           .hang_up = chance.percent(50)});
      const std::string mark = "mark-" + std::to_string(i) + "-";
      const std::string padding(chance.below(2) * 9'000, 'x');
      std::string body = "From: ann@example.com\r\nX-Mark: " + mark + "\r\n\r\n";
      for (std::size_t at = 0; at < padding.size(); at += 70) body += padding.substr(at, 70) + "\r\n";
      if (fixture.send(body) == 250) accepted.insert(mark);
      if (chance.percent(10)) {
        fixture.stop();
        fixture.start();
      }
    }
    fixture.hop().clear_faults();
    ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
    std::string story = "codes:";
    for (const int code : fixture.notes.codes) story += " " + std::to_string(code);
    for (const auto& [what, count] : fixture.notes.events) story += "; " + what + " " + std::to_string(count);
    SCOPED_TRACE(story);
    for (const std::string& mark : accepted)
      EXPECT_TRUE(std::ranges::any_of(fixture.hop().ledger, [&](const testing::HopMessage& message) {
        return message.content.find(mark) != std::string::npos;
      })) << mark;
  }
}

std::vector<std::string> many_recipients(std::size_t count) {
  std::vector<std::string> recipients;
  for (std::size_t i = 0; i < count; ++i) recipients.push_back("to" + std::to_string(i) + "@example.net");
  return recipients;
}

// All are due when the relay starts.
TEST(QueueTest, AMessageToMoreThanFiftyGoesBehindSmallerOnes) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.options().schedule.total_running_max = 1;
  fixture.start();
  fixture.hop().add({.stage = HopStage::mail, .count = kAlways, .say = "451 4.3.0 not now\r\n"});
  EXPECT_EQ(fixture.send(kQueuedText, many_recipients(51)), 250);
  EXPECT_EQ(fixture.send(kQueuedText, many_recipients(50)), 250);
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  EXPECT_EQ(fixture.send(kQueuedText, many_recipients(51)), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.notes.count(DeliveryOutcome::deferred) == 4; }));
  fixture.stop();
  fixture.hop().clear_faults();
  fixture.fixture.run_for(120s);
  fixture.start();
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  std::map<std::string, std::uint32_t> relayed;
  std::vector<std::string> order;
  for (const Delivery& each : fixture.notes.deliveries) {
    if (each.outcome != DeliveryOutcome::relayed) continue;
    if (relayed[each.id] == 0) order.push_back(each.id);
    relayed[each.id] += each.count;
  }
  ASSERT_EQ(order.size(), 4U);
  EXPECT_THAT((std::array{relayed[order[0]], relayed[order[1]]}), ::testing::UnorderedElementsAre(50U, 1U));
  EXPECT_THAT((std::array{relayed[order[2]], relayed[order[3]]}), ::testing::ElementsAre(51U, 51U));
}

}  // namespace
}  // namespace sluice::relay
