// What the log is told of deliveries: who it was for, what was said and by whom, and nothing that the next hop would
// deny.
#include "engine/relay/delivery_record.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/relay/queue_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const Delivery* record_for(const NoteTaker& notes, const std::string& recipient) {
  const auto found =
      std::ranges::find_if(notes.deliveries, [&](const Delivery& each) { return each.recipients.contains(recipient); });
  return found == notes.deliveries.end() ? nullptr : &*found;
}

// One line said "250 queued", and neither who was refused nor why.
TEST(DeliveryRecordTest, EachOutcomeOfACutThroughMessageHasARecord) {
  QueueFixture fixture;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 Nobody here\r\n", .only_for = "nobody"});
  fixture.hop().add({.stage = HopStage::recipient, .say = "451 4.2.1 Not now\r\n", .only_for = "later"});
  EXPECT_EQ(
      fixture.send(kQueuedText, {"bob@example.net", "nobody@example.net", "later@example.net", "eve@example.net"}),
      250);
  ASSERT_GE(fixture.notes.deliveries.size(), 3U);
  const Delivery* taken = record_for(fixture.notes, "bob@example.net");
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->recipients, "bob@example.net, eve@example.net");
  EXPECT_EQ(taken->outcome, DeliveryOutcome::relayed);
  EXPECT_EQ(taken->code, 250);
  EXPECT_EQ(taken->count, 2U);
  EXPECT_EQ(taken->account, "ann@example.com");
  EXPECT_EQ(taken->sender, "ann@example.com");
  EXPECT_EQ(taken->message_id, "<" + taken->id + "@example.com>");
  EXPECT_EQ(taken->next_hop, "192.0.2.25:25");
  EXPECT_EQ(taken->next_hop_address, "192.0.2.25:25");
  EXPECT_TRUE(taken->cut_through);
  EXPECT_EQ(taken->attempt, 1U);
  const Delivery* refused = record_for(fixture.notes, "nobody@example.net");
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->outcome, DeliveryOutcome::refused);
  EXPECT_EQ(refused->code, 550);
  EXPECT_EQ(refused->text, "Nobody here");
  const Delivery* later = record_for(fixture.notes, "later@example.net");
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(later->outcome, DeliveryOutcome::deferred);
  EXPECT_EQ(later->text, "Not now");
  EXPECT_GT(later->next_try, fixture.queue().wall()) << "when it is tried again";
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_THAT(fixture.notes.deliveries,
              ::testing::Contains(AllOf(Field(&Delivery::recipients, "later@example.net"),
                                        Field(&Delivery::outcome, DeliveryOutcome::relayed),
                                        Field(&Delivery::cut_through, false), Field(&Delivery::attempt, 2U))));
}

TEST(DeliveryRecordTest, LongGroupsAreDividedSoThatNoAddressIsCut) {
  NoteTaker notes;
  message::Envelope envelope{.id = "Q1"};
  std::vector<RecipientOutcome> outcomes;
  for (std::uint32_t i = 0; i < 100; ++i) {
    envelope.recipients.push_back({.forward_path = std::string(40, 'a') + std::to_string(i) + "@example.com"});
    outcomes.push_back({.recipient = i, .outcome = DeliveryOutcome::relayed, .code = 250, .text = "ok"});
  }
  observe_deliveries(notes, {.id = "Q1"}, envelope, outcomes);
  std::uint32_t count = 0;
  for (const Delivery& each : notes.deliveries) {
    EXPECT_LE(each.recipients.size(), kRecordRecipientsBytesMax);
    EXPECT_EQ(std::ranges::count(each.recipients, '@'), each.count);
    count += each.count;
  }
  EXPECT_EQ(count, 100U);
  EXPECT_LE(notes.deliveries.size(), 8U);
}

// Where the pool had no connection to give, the attempt was called relayed, with the code 0.
TEST(DeliveryRecordTest, AnAttemptWithoutAConnectionIsNone) {
  QueueFixture fixture;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.fixture.route.connections_per_host_max = 1;
  fixture.fixture.route.waiting_max = 0;
  fixture.hop().add({.stage = HopStage::mail, .stall = 15s});
  fixture.start();
  EXPECT_EQ(fixture.send(kQueuedText, {"first@example.net"}), 250);
  EXPECT_EQ(fixture.send(kQueuedText, {"second@example.net"}), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
  EXPECT_GT(fixture.notes.count(DeliveryOutcome::not_attempted), 0U);
  EXPECT_EQ(fixture.notes.count(DeliveryOutcome::relayed), 2U);
  for (const Delivery& each : fixture.notes.deliveries) {
    if (each.outcome == DeliveryOutcome::relayed) EXPECT_EQ(each.code, 250);
    if (each.outcome == DeliveryOutcome::not_attempted) EXPECT_THAT(each.text, HasSubstr("in use"));
  }
}

// Likewise for a client that waits: the message is kept, and was not tried yet.
TEST(DeliveryRecordTest, CutThroughWithoutAConnectionIsNoAttempt) {
  QueueFixture fixture;
  fixture.fixture.route.connections_per_host_max = 1;
  fixture.fixture.route.waiting_max = 0;
  fixture.start();
  // A client whose content does not end has the only connection.
  fixture.hop().add({.stage = HopStage::message, .stall = 10s});
  fixture.send_in_background(kQueuedText);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.hop().live() == 1 && fixture.hop().ledger.size() == 1; }));
  EXPECT_EQ(fixture.send(kQueuedText, {"second@example.net"}), 250);
  const Delivery* second = record_for(fixture.notes, "second@example.net");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->outcome, DeliveryOutcome::not_attempted);
  const auto jobs = fixture.queue().jobs(fixture.spool().index().begin()->first);
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_TRUE(jobs.front().first_attempt);
  EXPECT_LE(jobs.front().due, fixture.fixture.loop.now() + 1s);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.empty() && fixture.background_done(); }));
}

TEST(DeliveryRecordTest, WhatExpiresSaysForWhomAndWhatWasSaidLast) {
  QueueFixture fixture;
  fixture.options().expire = 10min;
  fixture.fixture.route.mode = route::RouteMode::store;
  fixture.start();
  fixture.hop().add(
      {.stage = HopStage::recipient, .count = kAlways, .say = "451 4.3.0 not now\r\n", .only_for = "bob"});
  EXPECT_EQ(fixture.send(kQueuedText), 250);
  ASSERT_TRUE(fixture.run_until([&] { return fixture.notes.count(DeliveryOutcome::expired) > 0; }));
  const auto expired = std::ranges::find(fixture.notes.deliveries, DeliveryOutcome::expired, &Delivery::outcome);
  EXPECT_EQ(expired->recipients, "bob@example.net");
  EXPECT_EQ(expired->text, "not now");
  EXPECT_EQ(expired->code, 451);
}

// In every world that breaks: a recipient that the log calls relayed is in the next hop's ledger, answered with 250, as
// often as the log says; one that it calls refused was refused by a reply.
TEST(DeliveryRecordTest, TheLogSaysNothingThatTheNextHopWouldDeny) {
  constexpr HopStage kStages[] = {HopStage::greeting, HopStage::ehlo, HopStage::mail,   HopStage::recipient,
                                  HopStage::chunk,    HopStage::data, HopStage::message};
  std::size_t relayed_in_all = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    QueueFixture fixture(seed, sim::SimOptions::varied(seed));
    sim::SimRandom chance(seed);
    fixture.fixture.route.mode = chance.percent(50) ? route::RouteMode::store : route::RouteMode::through;
    fixture.fixture.route.waiting_max = 1;
    fixture.fixture.route.connections_per_host_max = 1;
    fixture.hop().rules.chunking = chance.percent(50);
    fixture.hop().rules.pipelining = chance.percent(70);
    fixture.fixture.platforms.world().turns_max = 10'000'000;
    fixture.start();
    for (int i = 0; i < 8; ++i) {
      if (chance.percent(60))
        fixture.hop().add({.stage = kStages[chance.below(std::size(kStages))],
                           .after = static_cast<unsigned>(chance.below(3)),
                           .say = chance.percent(60) ? "451 4.3.0 not now\r\n" : "",
                           .hang_up = chance.percent(50)});
      const std::string number = std::to_string(i);
      fixture.send(kQueuedText, {"a" + number + "@example.net", "b" + number + "@example.net"});
    }
    fixture.hop().clear_faults();
    ASSERT_TRUE(fixture.run_until([&] { return fixture.empty(); }));
    std::map<std::string, std::size_t> in_ledger;
    for (const testing::HopMessage& message : fixture.hop().ledger)
      if (message.answered)
        for (const std::string& recipient : message.recipients) ++in_ledger[recipient];
    std::map<std::string, std::size_t> relayed;
    for (const Delivery& each : fixture.notes.deliveries) {
      if (each.outcome == DeliveryOutcome::relayed) {
        EXPECT_EQ(each.code, 250);
        EXPECT_NE(each.next_hop_address, "");
        for (int i = 0; i < 8; ++i)
          for (const char* letter : {"a", "b"}) {
            const std::string recipient = letter + std::to_string(i) + "@example.net";
            if (each.recipients.contains(recipient)) ++relayed[recipient];
          }
      }
      if (each.outcome == DeliveryOutcome::refused) EXPECT_GE(each.code, 500);
    }
    for (const auto& [recipient, times] : relayed) {
      EXPECT_LE(times, in_ledger[recipient]) << recipient;
      ++relayed_in_all;
    }
  }
  EXPECT_GT(relayed_in_all, 400U);
}

}  // namespace
}  // namespace sluice::relay
