// What becomes of a message that the next hop does not take, or not for everybody, while the client waits: kept, or
// told; and how much of it is held meanwhile.
#include "tests/unit/relay/memory_writer.h"
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using message::Fate;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Fate> fates(const Kept& kept) {
  std::vector<Fate> all;
  for (const message::RecipientStatus& each : kept.status.recipients) all.push_back(each.fate);
  return all;
}

class CutThroughKeepTest : public ::testing::Test {
 protected:
  Fixture fixture;
  Memory memory;
};

TEST_F(CutThroughKeepTest, WhatIsTakenByAllIsNotKept) {
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
  EXPECT_THAT(message.outcome.detail, HasSubstr("taken"));
  EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
  EXPECT_EQ(memory.begun, 0U);
}

TEST_F(CutThroughKeepTest, LateAsksNobodyBeforeTheMessageIsThere) {
  Passing message(fixture, &memory);
  EXPECT_THAT(message.offer(kThree), Each(250));
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  EXPECT_THAT(fixture.hop().commands, IsEmpty());
  EXPECT_EQ(message.finish().reply.code(), 250);
}

TEST_F(CutThroughKeepTest, RefusedForAllIsTheClients) {
  fixture.hop().add({.stage = HopStage::recipient, .count = 3, .say = "550 5.1.1 no such user\r\n"});
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 550);
  EXPECT_EQ(message.outcome.reply.text(), "no such user");
  EXPECT_EQ(memory.begun, 0U);
}

TEST_F(CutThroughKeepTest, ARefusedMessageIsTheClients) {
  fixture.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 554);
  EXPECT_EQ(memory.begun, 0U);
}

TEST_F(CutThroughKeepTest, MixedResultsAreKept) {
  fixture.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
  fixture.hop().add({.stage = HopStage::recipient, .say = "450 4.2.1 later\r\n", .only_for = "c@"});
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
  ASSERT_THAT(memory.kept, SizeIs(1));
  EXPECT_THAT(fates(memory.kept[0]), ElementsAre(Fate::relayed, Fate::failed, Fate::waiting));
  EXPECT_EQ(memory.kept[0].content, kText);
  EXPECT_EQ(memory.kept[0].recipients, 3U);
  EXPECT_EQ(memory.kept[0].status.recipients[1].code, 550);
  EXPECT_FALSE(memory.kept[0].status.recipients[1].reported);
  ASSERT_THAT(memory.kept[0].status.attempts, SizeIs(1));
  EXPECT_EQ(memory.kept[0].status.attempts[0].taken, 1);
}

TEST_F(CutThroughKeepTest, FailureOfAnyKindIsKept) {
  const HopFault faults[] = {
      {.stage = HopStage::greeting, .say = "554 go away\r\n", .hang_up = true},
      {.stage = HopStage::mail, .say = "451 later\r\n"},
      {.stage = HopStage::mail, .hang_up = true},
      {.stage = HopStage::message, .say = "421 bye\r\n", .hang_up = true},
      {.stage = HopStage::message, .say = "452 full\r\n"},
      {.stage = HopStage::message, .hang_up = true},  // a duplicate is better than a loss
      {.stage = HopStage::message, .stall = 3h},
  };
  for (const HopFault& fault : faults) {
    Fixture other;
    Memory empty;
    other.hop().add(fault);
    Passing message(other, &empty);
    EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
    ASSERT_THAT(empty.kept, SizeIs(1));
    EXPECT_THAT(fates(empty.kept[0]), Each(Fate::waiting));
    EXPECT_EQ(empty.kept[0].content, kText);
    EXPECT_THAT(message.outcome.detail, ::testing::StartsWith("kept: "));
  }
}

TEST_F(CutThroughKeepTest, WhatCannotBeKeptIsTheClientsToSendAgain) {
  for (const std::size_t call : {0U, 1U, 2U}) {
    for (const bool waits : {true, false}) {
      Fixture other;
      Memory full;
      full.refuses_from = call;
      other.hop().add({.stage = HopStage::recipient,
                       .say = waits ? "451 4.7.1 later\r\n" : "550 5.1.1 no such user\r\n",
                       .only_for = "b@"});
      Passing message(other, &full);
      EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), waits ? 451 : 452);
      EXPECT_THAT(full.kept, IsEmpty());
    }
  }
}

// The others have it: a client that was told 4xx for want of room sent it to them once more, each time.
TEST_F(CutThroughKeepTest, WhereThereIsOnlyToBeReportedTheHeaderWillDo) {
  for (const std::size_t call : {0U, 1U, 2U}) {
    Fixture other;
    Memory full;
    full.refuses_at = call;
    other.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
    Passing message(other, &full);
    EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
    ASSERT_THAT(full.kept, SizeIs(1));
    EXPECT_THAT(fates(full.kept[0]), ElementsAre(Fate::relayed, Fate::failed, Fate::relayed));
    const std::string text(kText);
    EXPECT_EQ(full.kept[0].content, text.substr(0, text.find("\r\n\r\n") + 4));
  }
}

TEST_F(CutThroughKeepTest, ASuccessToBeReportedIsKeptWhereTheNextHopReportsNone) {
  for (const bool dsn : {true, false}) {
    Fixture other;
    Memory some;
    other.hop().rules.dsn = dsn;
    Passing message(other, &some);
    message.envelope.recipients.push_back({.forward_path = "z@example.net", .notify = {.success = true}, .orcpt = {}});
    message.offer_all();
    message.begin(BodyForm::dot_stuffed);
    message.feed(kText);
    EXPECT_EQ(message.finish().reply.code(), 250);
    ASSERT_THAT(some.kept, SizeIs(dsn ? 0 : 1));
    if (!dsn) EXPECT_THAT(fates(some.kept[0]), ElementsAre(Fate::relayed));
  }
}

// ------------------------------------------------------------------------------------------ eager

TEST_F(CutThroughKeepTest, EagerTellsTheClientWhoIsRefusedAndKeepsWhoIsNotTakenNow) {
  fixture.route.dialog = route::RouteDialog::eager;
  fixture.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
  fixture.hop().add({.stage = HopStage::recipient, .say = "450 4.2.1 later\r\n", .only_for = "c@"});
  Passing message(fixture, &memory);
  EXPECT_THAT(message.offer(kThree), ElementsAre(250, 550, 250));
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  EXPECT_EQ(message.finish().reply.code(), 250);
  ASSERT_THAT(memory.kept, SizeIs(1));
  EXPECT_THAT(fates(memory.kept[0]), ElementsAre(Fate::relayed, Fate::failed, Fate::waiting));
  EXPECT_TRUE(memory.kept[0].status.recipients[1].reported);
}

TEST_F(CutThroughKeepTest, EagerWithNobodyToBeReachedKeepsAll) {
  fixture.route.dialog = route::RouteDialog::eager;
  fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
  ASSERT_THAT(memory.kept, SizeIs(1));
  EXPECT_THAT(fates(memory.kept[0]), Each(Fate::waiting));
  EXPECT_EQ(memory.kept[0].status.recipients[0].next_hop, "");
}

// Whom the client was told about before counts for nothing at the end.
TEST_F(CutThroughKeepTest, EagerDecidesByThoseWhomTheClientWasPromised) {
  fixture.route.dialog = route::RouteDialog::eager;
  fixture.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
  Passing message(fixture, &memory);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, kThree), 250);
  EXPECT_EQ(memory.begun, 0U);
}

// ------------------------------------------------------------------------------------------ what is held

TEST_F(CutThroughKeepTest, ALargeMessageIsKeptWholeThoughMemoryHoldsOnlySoMuch) {
  fixture.route.retain_bytes_max = 200'000;
  for (const bool fails : {true, false}) {
    if (fails) fixture.hop().add({.stage = HopStage::message, .hang_up = true});
    Passing message(fixture, &memory);
    message.offer({"bob@example.net"});
    message.begin(BodyForm::dot_stuffed);
    std::string all;
    for (int i = 0; i < 100; ++i) {
      const std::string piece = std::to_string(i) + std::string(9'990, 'x') + "\r\n";
      message.feed(piece);
      all += piece;
      EXPECT_LE(message.sink().retained().in_memory(), Retained::kPieceBytes + 20'000);
    }
    EXPECT_EQ(message.finish().reply.code(), 250);
    EXPECT_EQ(memory.begun, fails ? 1U : 2U);
    ASSERT_THAT(memory.kept, SizeIs(1));
    if (fails) EXPECT_EQ(memory.kept[0].content, all);
  }
  EXPECT_EQ(memory.abandoned, 1U);
}

// As long as the next hop does its part, nobody needs what could not be kept.
TEST_F(CutThroughKeepTest, AFullKeeperIsNoHarmWhereTheNextHopTakesTheMessage) {
  fixture.route.retain_bytes_max = 10'000;
  for (const bool fails : {true, false}) {
    memory.calls = 0;
    memory.refuses_at = 1;
    if (fails) fixture.hop().add({.stage = HopStage::message, .hang_up = true});
    Passing message(fixture, &memory);
    message.offer({"bob@example.net"});
    message.begin(BodyForm::dot_stuffed);
    for (int i = 0; i < 10; ++i) message.feed(std::string(9'998, 'x') + "\r\n");
    EXPECT_EQ(message.finish().reply.code(), fails ? 451 : 250);
    EXPECT_THAT(memory.kept, IsEmpty());
  }
}

TEST_F(CutThroughKeepTest, WhatIsAbandonedIsNotKept) {
  fixture.route.retain_bytes_max = 10'000;
  Passing message(fixture, &memory);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::dot_stuffed);
  message.feed(std::string(50'000, 'x') + "\r\n");
  message.abandon();
  EXPECT_EQ(memory.abandoned, 1U);
  EXPECT_THAT(memory.kept, IsEmpty());
}

// A client that drips must not pin a receive buffer for every drop.
TEST_F(CutThroughKeepTest, SmallPiecesDoNotPinLargeBlocks) {
  Passing message(fixture, &memory);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::dot_stuffed);
  for (int i = 0; i < 2000; ++i) message.feed("a drop\r\n");
  EXPECT_LE(heap_blocks_live(), 40);
  EXPECT_EQ(message.finish().reply.code(), 250);
  EXPECT_EQ(fixture.hop().ledger.front().content.size(), 16'000U);
}

// A verdict that falls while the content comes: the next hop may have seen all but the end of it.
TEST_F(CutThroughKeepTest, WhatIsToBeHeldIsKeptOnHoldAndNeverEndsAtTheNextHop) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
    Passing message(fixture, &memory);
    EXPECT_THAT(message.offer(kThree), Each(250));
    message.begin(BodyForm::dot_stuffed);
    std::string text(kText);
    while (text.size() < size) text += std::string(70, 'x') + "\r\n";
    message.feed(text);
    message.envelope.hold_reason = "over 500 recipients a day of account ann@example.com";
    message.outcome = message.finish();
    EXPECT_EQ(message.outcome.reply.code(), 250);
    EXPECT_THAT(message.outcome.detail, HasSubstr("on hold: over 500 recipients"));
    ASSERT_FALSE(memory.kept.empty());
    EXPECT_EQ(memory.kept.back().content, text);
    EXPECT_TRUE(memory.kept.back().status.held);
    EXPECT_EQ(memory.kept.back().status.hold_reason, message.envelope.hold_reason);
    EXPECT_THAT(fates(memory.kept.back()), Each(Fate::waiting));
    EXPECT_THAT(fixture.hop().ledger, IsEmpty());
  }
  // The next one goes on as ever.
  Passing next(fixture, &memory);
  EXPECT_EQ(next.send(kText), 250);
  EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
}

TEST_F(CutThroughKeepTest, WhatIsToBeHeldAndCannotBeKeptStaysWithTheClient) {
  memory.refuses_from = 0;
  Passing message(fixture, &memory);
  EXPECT_THAT(message.offer(kThree), Each(250));
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  message.envelope.hold_reason = "too much";
  message.outcome = message.finish();
  EXPECT_EQ(message.outcome.reply.code(), 452);
  EXPECT_THAT(fixture.hop().ledger, IsEmpty());
}

}  // namespace
}  // namespace sluice::relay
