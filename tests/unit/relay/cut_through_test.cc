// A message on its way through: the next hop's word is the client's, recipient by recipient, and 250 only where the
// next hop has said so for the whole message.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(CutThroughTest, PassesAMessageOn) {
  Fixture fixture;
  Passing message(fixture);
  EXPECT_EQ(message.send(kText), 250);
  ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
  const testing::HopMessage& taken = fixture.hop().ledger.front();
  EXPECT_EQ(taken.reverse_path, "ann@example.com");
  EXPECT_THAT(taken.recipients, ElementsAre("bob@example.net"));
  EXPECT_EQ(taken.content, kText);
  EXPECT_TRUE(taken.chunked);
}

TEST(CutThroughTest, AsksForAllRecipientsInOneGo) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::recipient, .after = 1, .say = "550 5.1.1 no such user\r\n"});
  fixture.hop().add({.stage = HopStage::recipient, .after = 1, .say = "452 4.2.2 full\r\n"});
  Passing message(fixture);
  EXPECT_THAT(message.offer({"a@example.net", "b@example.net", "c@example.net"}), ElementsAre(250, 550, 452));
  EXPECT_EQ(message.answers[1].text(), "no such user");
  EXPECT_THAT(message.offer({"d@example.net"}), ElementsAre(250));
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  EXPECT_EQ(message.finish().reply.code(), 250);
  ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
  EXPECT_THAT(fixture.hop().ledger.front().recipients, ElementsAre("a@example.net", "d@example.net"));
}

TEST(CutThroughTest, WaitsForEachAnswerWhereThereIsNoPipelining) {
  Fixture fixture;
  fixture.hop().rules.pipelining = false;
  Passing message(fixture);
  EXPECT_EQ(message.send(kText, BodyForm::dot_stuffed, {"a@example.net", "b@example.net", "c@example.net"}), 250);
  Passing second(fixture);
  EXPECT_EQ(second.send(kText), 250);
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
}

// A connection on which a transaction is open is of use again only where RSET and MAIL may go out together.
TEST(CutThroughTest, ARefusedSenderIsRefusedForAllRecipients) {
  for (const bool pipelining : {true, false}) {
    Fixture fixture;
    fixture.hop().rules.pipelining = pipelining;
    fixture.hop().add({.stage = HopStage::mail, .say = "550 5.7.1 not you\r\n"});
    Passing message(fixture);
    EXPECT_THAT(message.offer({"a@example.net", "b@example.net"}), ElementsAre(550, 550));
    EXPECT_THAT(message.offer({"c@example.net"}), ElementsAre(550));
    message.abandon();
    Passing second(fixture);
    EXPECT_EQ(second.send(kText), 250);
    EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
  }
}

struct FaultRow {
  const char* name;
  HopFault fault;
  int offered;  // what the recipient is answered
  int content;  // what the message is answered; 0: not asked
  bool connection_kept;
};

const FaultRow kRows[] = {
    {"MAIL 4xx", {.stage = HopStage::mail, .say = "450 4.1.8 later\r\n"}, 450, 0, true},
    {"MAIL 5xx", {.stage = HopStage::mail, .say = "553 5.1.7 bad\r\n"}, 553, 0, true},
    {"MAIL 421", {.stage = HopStage::mail, .say = "421 4.3.2 bye\r\n", .hang_up = true}, 451, 0, false},
    {"MAIL 3xx", {.stage = HopStage::mail, .say = "354 what\r\n"}, 451, 0, false},
    {"MAIL garbage", {.stage = HopStage::mail, .say = "what?\r\n"}, 451, 0, false},
    {"MAIL hang up", {.stage = HopStage::mail, .hang_up = true}, 451, 0, false},
    {"MAIL stall", {.stage = HopStage::mail, .stall = 3h}, 451, 0, false},
    {"MAIL 553-553", {.stage = HopStage::mail, .say = "553-\r\n553\r\n"}, 553, 0, true},
    {"RCPT 421", {.stage = HopStage::recipient, .say = "421 4.3.2 bye\r\n", .hang_up = true}, 451, 0, false},
    {"RCPT 3xx", {.stage = HopStage::recipient, .say = "354 what\r\n"}, 451, 0, false},
    {"RCPT 251", {.stage = HopStage::recipient, .say = "251 will forward\r\n"}, 250, 250, true},
    {"RCPT 530", {.stage = HopStage::recipient, .say = "530 5.7.0 log in\r\n"}, 554, 0, true},
    {"RCPT hang up", {.stage = HopStage::recipient, .hang_up = true}, 451, 0, false},
    {"RCPT endless", {.stage = HopStage::recipient, .endless = true}, 451, 0, false},
    {"RCPT stall", {.stage = HopStage::recipient, .stall = 3h}, 451, 0, false},
    {"message 4xx", {.stage = HopStage::message, .say = "452 4.3.1 no room\r\n"}, 250, 452, true},
    {"message 5xx", {.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"}, 250, 554, true},
    {"message 421", {.stage = HopStage::message, .say = "421 4.3.2 bye\r\n", .hang_up = true}, 250, 451, false},
    {"message 3xx", {.stage = HopStage::message, .say = "354 go on\r\n"}, 250, 451, false},
    {"message garbage", {.stage = HopStage::message, .say = "OK taken\r\n"}, 250, 451, false},
    {"message NUL", {.stage = HopStage::message, .say = std::string("250 o\0k\r\n", 9)}, 250, 451, false},
    {"message hang up", {.stage = HopStage::message, .hang_up = true}, 250, 451, false},
    {"message stall", {.stage = HopStage::message, .stall = 3h}, 250, 451, false},
    {"message twice", {.stage = HopStage::message, .say_too = "250 again\r\n"}, 250, 250, false},
};

void try_row(const FaultRow& row, bool chunking) {
  SCOPED_TRACE(std::string(row.name) + (chunking ? " with BDAT" : " with DATA"));
  Fixture fixture;
  fixture.hop().rules.chunking = chunking;
  fixture.hop().add(row.fault);
  Passing message(fixture);
  EXPECT_THAT(message.offer({"bob@example.net"}), ElementsAre(row.offered));
  if (row.offered == 250) {
    message.begin(BodyForm::dot_stuffed);
    message.feed(kText);
    const message::Outcome outcome = message.finish();
    EXPECT_EQ(outcome.reply.code(), row.content);
    EXPECT_NE(outcome.detail, "");
    EXPECT_EQ(outcome.next_hop, std::string(Fixture::kFirst) + ":25");
  } else {
    message.abandon();
  }
  fixture.run_for(1s);
  EXPECT_EQ(fixture.pool().status().front().idle, row.connection_kept ? 1U : 0U);
  fixture.hop().clear_faults();
  Passing second(fixture);
  EXPECT_EQ(second.send(kText), 250);
  EXPECT_EQ(fixture.pool().counters().opened, row.connection_kept ? 1U : 2U);
}

TEST(CutThroughTest, EachFaultOfTheNextHopGetsItsReply) {
  for (const FaultRow& row : kRows) {
    try_row(row, true);
    try_row(row, false);
  }
}

// ------------------------------------------------------------------------------------------ DATA

TEST(CutThroughTest, ARefusedDataIsTheMessagesWord) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  fixture.hop().add({.stage = HopStage::data, .say = "554 5.7.1 no\r\n"});
  Passing message(fixture);
  EXPECT_EQ(message.send(kText), 554);
  Passing second(fixture);
  EXPECT_EQ(second.send(kText), 250);
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
}

// A 2xx to DATA takes nothing: nobody has sent anything yet.
TEST(CutThroughTest, A250ToDataIsNoMessageTaken) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  fixture.hop().add({.stage = HopStage::data, .say = "250 2.0.0 fine\r\n"});
  Passing message(fixture);
  EXPECT_EQ(message.send(kText), 451);
  EXPECT_THAT(fixture.hop().ledger, IsEmpty());
  EXPECT_THAT(message.outcome.detail, HasSubstr("250"));
}

TEST(CutThroughTest, A250BeforeTheEndIsNoMessageTaken) {
  for (const bool chunking : {true, false}) {
    SCOPED_TRACE(chunking);
    Fixture fixture;
    fixture.hop().rules.chunking = chunking;
    // The real word is no.
    fixture.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
    Passing message(fixture);
    message.offer({"bob@example.net"});
    message.begin(BodyForm::dot_stuffed);
    message.feed(kText);
    fixture.hop().say_everywhere("250 2.0.0 taken\r\n");
    fixture.run_for(1s);
    EXPECT_EQ(message.finish().reply.code(), 451);
  }
}

TEST(CutThroughTest, A250BehindThe354IsNoMessageTaken) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  fixture.hop().add({.stage = HopStage::data, .say_too = "250 2.0.0 taken\r\n"});
  fixture.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  // One that is still under way when the end goes out cannot be told from its answer.
  fixture.run_for(1s);
  EXPECT_EQ(message.finish().reply.code(), 451);
}

TEST(CutThroughTest, ARefusalInTheMiddleOfTheBodyIsTheMessagesWord) {
  Fixture fixture;
  fixture.hop().rules.chunking = false;
  fixture.hop().add({.stage = HopStage::body, .say = "552 5.3.4 too much\r\n", .hang_up = true, .bytes = 20'000});
  Passing message(fixture);
  message.offer({"bob@example.net"});
  message.begin(BodyForm::dot_stuffed);
  message.feed(kText);
  for (int i = 0; i < 100; ++i) message.feed(std::string(10'000, 'x') + "\r\n");
  EXPECT_EQ(message.finish().reply.code(), 552);
  EXPECT_THAT(fixture.hop().ledger, IsEmpty());
}

TEST(CutThroughTest, ALostBodyIsTheClientsToSendAgain) {
  for (const bool chunking : {true, false}) {
    for (const std::uint64_t bytes : {0U, 1U, 300U, 100'000U, 300'000U}) {
      for (const sim::SimBreak what : {sim::SimBreak::reset, sim::SimBreak::end, sim::SimBreak::stall}) {
        SCOPED_TRACE(bytes);
        Fixture fixture;
        fixture.hop().rules.chunking = chunking;
        fixture.platforms.world().faults().add({.bytes = bytes + 100, .what = what});
        Passing message(fixture);
        if (message.offer({"bob@example.net"}) != std::vector{250}) {
          message.abandon();
          continue;
        }
        message.begin(BodyForm::dot_stuffed);
        message.feed(kText);
        for (int i = 0; i < 100; ++i) message.feed(std::string(9'998, 'x') + "\r\n");
        EXPECT_EQ(message.finish().reply.code(), 451);
        EXPECT_THAT(fixture.hop().ledger, IsEmpty());
      }
    }
  }
}

// ------------------------------------------------------------------------------------------ stale connections

TEST(CutThroughTest, AKeptConnectionThatWasJustClosedIsNobodysError) {
  for (const HopStage stage : {HopStage::rset, HopStage::mail, HopStage::recipient}) {
    Fixture fixture;
    Passing first(fixture);
    EXPECT_EQ(first.send(kText), 250);
    if (stage == HopStage::rset) {
      Passing open(fixture);
      open.offer({"bob@example.net"});
      open.abandon();
    }
    fixture.hop().add({.stage = stage, .hang_up = true});
    Passing second(fixture);
    EXPECT_EQ(second.send(kText), 250);
    EXPECT_EQ(fixture.pool().counters().opened, 2U);
    EXPECT_THAT(fixture.hop().ledger, SizeIs(2));
  }
}

TEST(CutThroughTest, ANextHopThatClosesEveryKeptConnectionIsTriedAfresh) {
  Fixture fixture;
  fixture.hop().rules.messages_max = 1;
  // Whether it took the message is in doubt until this next hop is known to leave so.
  Passing first(fixture);
  EXPECT_EQ(first.send(kText), 451);
  for (int i = 0; i < 4; ++i) {
    Passing message(fixture);
    EXPECT_EQ(message.send(kText), 250);
  }
  EXPECT_THAT(fixture.hop().ledger, SizeIs(5));
}

// More of them than there are tries.
TEST(CutThroughTest, ManyStaleConnectionsAreNobodysError) {
  Fixture fixture;
  std::vector<std::unique_ptr<Passing>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<Passing>(fixture));
    all.back()->offer({"bob@example.net"});
  }
  for (const auto& each : all) each->abandon();
  EXPECT_EQ(fixture.pool().status().front().idle, 8U);
  fixture.hop().add({.stage = HopStage::rset, .count = 8, .hang_up = true});
  Passing message(fixture);
  EXPECT_EQ(message.send(kText), 250);
}

// It has been asked, and did not answer for five minutes: to ask another one would take five more, and the client
// does not wait longer than that.
TEST(CutThroughTest, ANextHopThatStallsIsNotAskedAgain) {
  Fixture fixture;
  Passing first(fixture);
  EXPECT_EQ(first.send(kText), 250);
  fixture.hop().add({.stage = HopStage::mail, .count = kAlways, .stall = 3h});
  const Instant before = fixture.loop.now();
  Passing second(fixture);
  EXPECT_THAT(second.offer({"bob@example.net"}), ElementsAre(451));
  EXPECT_LE(fixture.loop.now() - before, fixture.route.command_timeout + 5s);
  second.abandon();
}

// ------------------------------------------------------------------------------------------ the envelope

TEST(CutThroughTest, SaysOnlyWhatTheNextHopKnows) {
  Fixture fixture;
  fixture.hop().rules.dsn = false;
  fixture.hop().rules.eight_bit_mime = false;
  Passing message(fixture);
  message.envelope.ret = smtp::Ret::full;
  message.envelope.envid = "e1";
  message.envelope.size = 1234;
  message.envelope.body = smtp::Body::seven_bit;
  EXPECT_EQ(message.send(kText), 250);
  EXPECT_EQ(fixture.hop().ledger.front().mail_parameters, " SIZE=1234");
}

TEST(CutThroughTest, PassesDeliveryWishesOn) {
  Fixture fixture;
  Passing message(fixture);
  message.envelope.ret = smtp::Ret::headers;
  message.envelope.envid = "e1";
  message.envelope.body = smtp::Body::eight_bit_mime;
  EXPECT_EQ(message.send(kText), 250);
  EXPECT_EQ(fixture.hop().ledger.front().mail_parameters, " BODY=8BITMIME RET=HDRS ENVID=e1");
}

TEST(CutThroughTest, RefusesWhatTheNextHopCannotCarry) {
  Fixture fixture;
  fixture.hop().rules.smtputf8 = false;
  fixture.hop().rules.eight_bit_mime = false;
  Passing international(fixture);
  international.envelope.smtputf8 = true;
  EXPECT_THAT(international.offer({"b\u00f8b@example.net", "c\u00fd@example.net"}), ElementsAre(550, 550));
  international.abandon();
  EXPECT_THAT(fixture.hop().commands, Each(StartsWith("EHLO")));
  EXPECT_EQ(fixture.pool().status().front().idle, 1U);
}

TEST(CutThroughTest, TheNullReversePathGoesOn) {
  Fixture fixture;
  Passing message(fixture, "");
  EXPECT_EQ(message.send(kText), 250);
  EXPECT_THAT(fixture.hop().commands, Contains(StartsWith("MAIL FROM:<>")));
}

}  // namespace
}  // namespace sluice::relay
