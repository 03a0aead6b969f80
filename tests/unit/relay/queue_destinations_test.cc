// A message for several destinations: each is tried, listed and concluded by itself.
#include <algorithm>

#include "engine/relay/message_destinations.h"
#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

class QueueDestinationsTest : public ::testing::Test {
 protected:
  // A route for each of so many domains, all to one next hop; recipients are at d0.example, d1.example and so on.
  void add_domains(int count) {
    fixture_.fixture.route.mode = route::RouteMode::store;
    for (int i = 0; i < count; ++i) {
      const std::string domain = "d" + std::to_string(i) + ".example";
      fixture_.add_route("r" + std::to_string(i), domain);
      recipients_.push_back("to@" + domain);
    }
  }
  // The next hop says 451 to recipients that contain this.
  void defer(const std::string& of) {
    fixture_.hop().add(
        {.stage = HopStage::recipient, .count = kAlways, .say = "451 4.3.0 not now\r\n", .only_for = of});
  }
  // The waits after the second, third, ... attempt for such, in seconds.
  std::vector<std::int64_t> waits_of(const std::string& of) {
    std::vector<std::int64_t> at;
    for (const Delivery& each : fixture_.notes.deliveries)
      if (each.recipients.contains(of) && each.outcome == DeliveryOutcome::deferred) at.push_back(each.next_try);
    std::vector<std::int64_t> waits;
    for (std::size_t i = 1; i < at.size(); ++i) waits.push_back((at[i] - at[i - 1] + 500) / 1000);
    return waits;
  }
  spool::QueueId only_id() { return fixture_.spool().index().begin()->first; }
  message::DeliveryStatus status_on_disk() {
    using Read = std::expected<spool::Message, std::string>;
    auto read = testing::await<Read>(fixture_.fixture.platforms, fixture_.fixture.loop,
                                     [&] { return fixture_.spool().read(only_id()); });
    return read->status;
  }

  QueueFixture fixture_;
  std::vector<std::string> recipients_;
};

// It was tried as often at each step of the curve as the message had destinations.
TEST_F(QueueDestinationsTest, EachWalksTheRetryCurveByItsOwnAttempts) {
  add_domains(50);
  fixture_.options().curve = schedule::RetryCurve({1min, 2min, 4min, 8min}, 0);
  fixture_.options().expire = 24h;
  fixture_.start();
  defer("d49.");
  EXPECT_EQ(fixture_.send(kQueuedText, recipients_), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 6; }));
  EXPECT_EQ(fixture_.notes.count(DeliveryOutcome::relayed), 49U);
  EXPECT_THAT(waits_of("d49."), ::testing::ElementsAre(120, 240, 480, 480, 480));
}

TEST_F(QueueDestinationsTest, ARestartKnowsWhereOnTheCurveEachIs) {
  add_domains(3);
  fixture_.options().curve = schedule::RetryCurve({1min, 10min, 100min}, 0);
  fixture_.options().expire = 24h;
  fixture_.start();
  defer("d2.");
  EXPECT_EQ(fixture_.send(kQueuedText, recipients_), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 2; }));
  defer("d1.");
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(1s));
  const message::DeliveryStatus before = status_on_disk();
  EXPECT_EQ(before.recipients[2].tries, 2U);
  fixture_.stop();
  fixture_.start();
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 3; }));
  EXPECT_THAT(waits_of("d2."), ::testing::ElementsAre(600, 6000));
}

// What one destination waits for was written down for the whole message, and after a restart held for all.
TEST_F(QueueDestinationsTest, ARestartKeepsEachOnesTime) {
  add_domains(2);
  fixture_.options().curve = schedule::RetryCurve({10min, 40min}, 0);
  fixture_.options().expire = 24h;
  fixture_.start();
  defer("to@");
  EXPECT_EQ(fixture_.send(kQueuedText, recipients_), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 2; }));
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5min));
  fixture_.fixture.loop.post([this] { EXPECT_EQ(fixture_.queue().flush_destination("r1"), 1U); });
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 3; }));
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(1s));
  fixture_.stop();
  fixture_.start();
  const auto jobs = fixture_.queue().jobs(only_id());
  ASSERT_EQ(jobs.size(), 2U);
  for (const schedule::JobStatus& job : jobs) {
    const bool first = fixture_.queue().schedule().status(job.destination)->name == "r0";
    const Duration ahead = job.due - fixture_.fixture.loop.now();
    EXPECT_GT(ahead, first ? 4min : 39min);
    EXPECT_LT(ahead, first ? 6min : 41min);
    EXPECT_FALSE(job.first_attempt);
  }
}

// The others of the message go on, also after a restart; the sender is told of those alone, in the operator's words.
TEST_F(QueueDestinationsTest, ARejectionIsOfOneDestinationWhereThatIsMeant) {
  add_domains(2);
  fixture_.options().curve = schedule::RetryCurve({10min}, 0);
  fixture_.options().expire = 24h;
  fixture_.start();
  defer("to@");
  EXPECT_EQ(fixture_.send(kQueuedText, recipients_), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.notes.count(DeliveryOutcome::deferred) == 2; }));
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(1s));
  const auto reject = [&](std::string destination) {
    return testing::await<bool>(fixture_.fixture.platforms, fixture_.fixture.loop, [&] {
      return fixture_.queue().order(only_id(), Queue::Order::reject, "no\x1b such\r\nhost",
                                    {.status = {5, 1, 2}, .destination = std::move(destination)});
    });
  };
  EXPECT_FALSE(reject("r7"));
  EXPECT_TRUE(reject("r1"));
  const auto reports = [&] {
    std::vector<std::string> all;
    for (const testing::HopMessage& each : fixture_.hop().ledger)
      if (each.answered && each.reverse_path.empty()) all.push_back(each.content);
    return all;
  };
  ASSERT_TRUE(fixture_.run_until([&] { return reports().size() == 1; }));
  const std::string report = reports().front();
  EXPECT_THAT(report, ::testing::HasSubstr("Final-Recipient: rfc822; to@d1.example"));
  EXPECT_THAT(report, ::testing::HasSubstr("Action: failed\r\nStatus: 5.1.2\r\n"));
  EXPECT_THAT(report, ::testing::HasSubstr("Rejected by the administrator: no"));
  EXPECT_THAT(report,
              ::testing::Not(::testing::AnyOf(::testing::HasSubstr("to@d0.example"), ::testing::HasSubstr("Remote-MTA"),
                                              ::testing::HasSubstr("\x1b"))));
  fixture_.stop();
  fixture_.start();
  ASSERT_EQ(fixture_.queue().jobs(only_id()).size(), 1U);
  EXPECT_EQ(status_on_disk().recipients[0].fate, message::Fate::waiting);
  EXPECT_TRUE(reject(""));
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
  EXPECT_EQ(reports().size(), 2U);
  EXPECT_EQ(fixture_.queue().counters().recipients_taken, 1U);  // the report
}

// A next hop with a limit of its own was asked again and again, without a wait, about the first recipient only.
TEST_F(QueueDestinationsTest, ALimitOfTheNextHopIsNoReasonToAskForTheSameOneAllTheTime) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.hop().rules.recipients_max = 1;
  fixture_.options().curve = schedule::RetryCurve({10min}, 0);
  fixture_.start();
  defer("bob");
  EXPECT_EQ(fixture_.send(kQueuedText, {"bob@example.net", "eve@example.net", "joe@example.net"}), 250);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5min));
  EXPECT_EQ(fixture_.hop().ledger.size(), 2U);
  EXPECT_EQ(std::ranges::count(fixture_.hop().commands, "RCPT TO:<bob@example.net>"), 1);
}

TEST_F(QueueDestinationsTest, AMessageThatHasOnlyADsnToSendWaitsForWhatIsNamedSo) {
  fixture_.start();
  fixture_.fixture.loop.post([this] {
    spool::Stored stored{.envelope = {.id = message::queue_id_text(7), .reverse_path = "ann@example.com"},
                         .submitter = {.customer = "acme"}};
    stored.envelope.recipients.push_back({.forward_path = "bob@example.net"});
    message::DeliveryStatus status;
    status.recipients.push_back({.fate = message::Fate::failed, .code = 550, .text = "no"});
    fixture_.queue().add(7, stored, status);
    const auto jobs = fixture_.queue().jobs(7);
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(fixture_.queue().schedule().status(jobs.front().destination)->name, kDsnDestination);
  });
  // It is not in the spool: the delivery attempt that has it finds that out.
  ASSERT_TRUE(
      fixture_.run_until([&] { return fixture_.queue().counters().added == 1 && fixture_.queue().messages() == 0; }));
}

// ------------------------------------------------------------------------------------ what has nothing left to try

TEST_F(QueueDestinationsTest, ARefusalBesideASuccessIsReportedAtOnce) {
  fixture_.start();
  fixture_.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_EQ(fixture_.send(kQueuedText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5s));
  EXPECT_TRUE(fixture_.empty());
  EXPECT_EQ(fixture_.queue().counters().dsns.sent, 1U);
}

TEST_F(QueueDestinationsTest, SuccessThatTheNextHopDoesNotReportIsReportedAtOnce) {
  fixture_.hop().rules.dsn = false;
  fixture_.start();
  EXPECT_EQ(fixture_.send(kQueuedText, {"bob@example.net"}, "ann@example.com", {.success = true}), 250);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5s));
  EXPECT_TRUE(fixture_.empty());
  EXPECT_EQ(fixture_.queue().counters().dsns.sent, 1U);
}

// One waits, which is no reason for the report on the other to wait.
TEST_F(QueueDestinationsTest, ARefusalBesideADeferralIsReportedAtOnce) {
  fixture_.start();
  defer("bob");
  fixture_.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_EQ(fixture_.send(kQueuedText, {"bob@example.net", "nobody@example.net"}), 250);
  ASSERT_TRUE(fixture_.fixture.platforms.run_for(5s));
  EXPECT_EQ(fixture_.queue().counters().dsns.sent, 1U);
  EXPECT_EQ(fixture_.spool().messages(), 1U);
  ASSERT_EQ(fixture_.queue().jobs(only_id()).size(), 1U);
  EXPECT_EQ(fixture_.queue().jobs(only_id()).front().state, schedule::JobState::waiting);
}

// All its attempts wait for the same reading.
TEST_F(QueueDestinationsTest, AMessageThatCannotBeReadIsQuarantinedOnceForAllItsDestinations) {
  add_domains(3);
  fixture_.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture_.start();
  EXPECT_EQ(fixture_.send(kQueuedText, recipients_), 250);
  const spool::Location at = fixture_.spool().index().at(only_id()).message;
  fixture_.fixture.platforms.world()
      .disk(Fixture::kRelay)
      .flip_bit(std::string(QueueFixture::kDirectory) + "/" + spool::segment_name(at.segment), at.offset + 40);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty() && fixture_.queue().active() == 0; }));
  EXPECT_EQ(fixture_.notes.events["damaged"], 1);
  EXPECT_EQ(fixture_.queue().messages(), 0U);
}

// ------------------------------------------------------------------------------------ the operator

// What was removed while its attempt was written down stayed in the index of jobs for good.
TEST_F(QueueDestinationsTest, WhatIsRemovedWhileItsAttemptIsSavedIsGone) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.start();
  defer("bob");
  int removed = 0;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fixture_.send(kQueuedText), 250);
    const spool::QueueId id = only_id();
    // Its attempt is over and on its way to the disk.
    ASSERT_TRUE(fixture_.run_until([&] {
      return fixture_.queue().jobs(id).empty() || fixture_.queue().jobs(id).front().state == schedule::JobState::tried;
    }));
    removed += testing::await<bool>(fixture_.fixture.platforms, fixture_.fixture.loop,
                                    [&] { return fixture_.queue().order(id, Queue::Order::remove); });
    ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty() && fixture_.queue().active() == 0; }));
    EXPECT_EQ(fixture_.queue().messages(), 0U);
    EXPECT_EQ(fixture_.queue().index_fault(), "");
  }
  EXPECT_EQ(removed, 20);
}

// A failure that could not be reported yet stayed in the spool without a job.
TEST_F(QueueDestinationsTest, WhatIsRemovedStillReportsWhatFailedBefore) {
  fixture_.start();
  defer("bob");
  fixture_.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 nobody here\r\n", .only_for = "nobody"});
  EXPECT_EQ(fixture_.send(kQueuedText, {"bob@example.net", "nobody@example.net"}), 250);
  const spool::QueueId id = only_id();
  EXPECT_TRUE(testing::await<bool>(fixture_.fixture.platforms, fixture_.fixture.loop,
                                   [&] { return fixture_.queue().order(id, Queue::Order::remove); }));
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.empty(); }));
  EXPECT_EQ(fixture_.queue().counters().dsns.sent, 1U);
  EXPECT_EQ(fixture_.notes.count(DeliveryOutcome::removed), 1U);
}

TEST_F(QueueDestinationsTest, AFlushOfADestinationCountsItsMessages) {
  fixture_.fixture.route.mode = route::RouteMode::store;
  fixture_.fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  fixture_.start();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fixture_.send(kQueuedText), 250);
  ASSERT_TRUE(fixture_.run_until([&] { return fixture_.queue().schedule().counters().suspensions > 0; }));
  std::uint64_t flushed = 0;
  fixture_.fixture.loop.post([&] { flushed = fixture_.queue().flush_destination("farm") + 100; });
  ASSERT_TRUE(fixture_.run_until([&] { return flushed > 0; }));
  EXPECT_EQ(flushed, 105U);
}

}  // namespace
}  // namespace sluice::relay
