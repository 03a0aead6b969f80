// What a refusal is about: a recipient, the message, the dialog, or something that the next hop offered.
#include "engine/relay/reply_meaning.h"

#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using smtp::Expect;
using ::testing::Each;
using ::testing::ElementsAre;

smtp::ParsedReply reply(std::uint16_t code, smtp::EnhancedCode enhanced = {}) {
  return {.code = code, .enhanced = enhanced, .text = "words", .lines = 1};
}

TEST(ReplyMeaningTest, ADeferralMayBeAboutTheRecipientAlone) {
  struct Row {
    Expect command;
    std::uint16_t code;
    smtp::EnhancedCode enhanced;
    bool of_recipient;
  };
  for (const Row& row : {Row{Expect::recipient, 452, {4, 2, 2}, true}, Row{Expect::recipient, 450, {4, 2, 0}, true},
                         Row{Expect::recipient, 450, {4, 1, 1}, true}, Row{Expect::recipient, 450, {}, true},
                         Row{Expect::message, 452, {4, 2, 2}, true}, Row{Expect::recipient, 451, {}, false},
                         Row{Expect::recipient, 452, {}, false}, Row{Expect::recipient, 452, {4, 5, 3}, false},
                         Row{Expect::recipient, 451, {4, 7, 1}, false}, Row{Expect::recipient, 450, {4, 1, 8}, false},
                         Row{Expect::recipient, 450, {4, 1, 7}, false}, Row{Expect::mail, 450, {4, 2, 1}, false},
                         Row{Expect::mail, 450, {}, false}, Row{Expect::recipient, 421, {4, 2, 1}, false},
                         Row{Expect::message, 450, {}, false}, Row{Expect::recipient, 550, {5, 2, 1}, false}})
    EXPECT_EQ(is_of_recipient(row.command, reply(row.code, row.enhanced)), row.of_recipient)
        << row.code << " " << smtp::EnhancedCode(row.enhanced).subject << " to " << static_cast<int>(row.command);
}

TEST(ReplyMeaningTest, EachReplyIsAboutSomething) {
  struct Row {
    Expect command;
    std::vector<std::uint16_t> answer;
    std::vector<std::uint16_t> session;
    std::vector<std::uint16_t> parameter;
    std::vector<std::uint16_t> extension;
  };
  const Row rows[] = {
      {Expect::mail,
       {450, 451, 452, 550, 552, 553, 554},
       {421, 500, 502, 503, 530, 534, 535, 538},
       {501, 504, 555},
       {}},
      {Expect::recipient,
       {450, 451, 452, 501, 530, 550, 551, 552, 553, 554, 599},
       {421, 500, 502, 503},
       {504, 555},
       {}},
      {Expect::data, {451, 452, 550, 554}, {421, 500, 502, 503}, {}, {}},
      {Expect::message, {450, 451, 452, 500, 550, 552, 554}, {421, 503}, {}, {}},
      {Expect::chunk, {451, 452, 550, 552, 554}, {421, 503}, {}, {500, 501, 502, 504}},
  };
  for (const Row& row : rows) {
    for (const auto code : row.answer) EXPECT_EQ(meaning_of(row.command, reply(code)), Meaning::answer) << code;
    for (const auto code : row.session) EXPECT_EQ(meaning_of(row.command, reply(code)), Meaning::session) << code;
    for (const auto code : row.parameter) EXPECT_EQ(meaning_of(row.command, reply(code)), Meaning::parameter) << code;
    for (const auto code : row.extension) EXPECT_EQ(meaning_of(row.command, reply(code)), Meaning::extension) << code;
  }
}

TEST(ReplyMeaningTest, AnAddressIsNoParameter) {
  EXPECT_EQ(meaning_of(Expect::mail, reply(501, {5, 1, 7})), Meaning::answer);
  EXPECT_EQ(meaning_of(Expect::mail, reply(501, {5, 5, 4})), Meaning::parameter);
}

// 503 to the second recipient, behind 451 to the first, failed that recipient for good.
TEST(ReplyMeaningTest, ABadSequenceOfCommandsIsNobodysFailure) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().add({.stage = HopStage::recipient, .say = "451 4.2.0 later\r\n"});
    fixture.hop().add({.stage = HopStage::recipient, .say = "503 5.5.1 RCPT?\r\n"});
    Sending message(fixture, {"a@example.net", "b@example.net"});
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred, Kind::deferred));
    EXPECT_EQ(message.result(1).code, 503);
    fixture.run_for(1s);
    EXPECT_EQ(fixture.pool().status().front().live, 0U);
  }
}

// All mail of the route failed for good, although nothing was wrong with it.
TEST(ReplyMeaningTest, ANextHopThatWantsALoginOrTlsKeepsNobodysMailFromGoingLater) {
  for (const Manner& manner : kManners) {
    for (const char* words :
         {"530 5.7.0 Must issue a STARTTLS command first\r\n", "530 5.7.0 Authentication required\r\n"}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().add({.stage = HopStage::mail, .say = words});
      Sending message(fixture);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
      EXPECT_EQ(message.result().code, 530);
      Sending second(fixture);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    }
  }
}

TEST(ReplyMeaningTest, ASessionsFailureAnywhereKeepsTheMessage) {
  for (const Manner& manner : kManners) {
    for (const HopStage stage : {HopStage::mail, HopStage::data, HopStage::message}) {
      if (stage == HopStage::data && manner.chunking) continue;
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().rules.asks_for_nothing = true;
      fixture.hop().add({.stage = stage, .say = "503 5.5.1 bad sequence\r\n"});
      Sending message(fixture, {"a@example.net", "b@example.net"});
      EXPECT_THAT(message.send(kText), Each(Kind::deferred));
      EXPECT_EQ(message.result().code, 503);
      Sending second(fixture);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.pool().counters().opened, 2U);
    }
  }
}

// RSET is for a transaction that was left, and nothing was said of this message yet.
TEST(ReplyMeaningTest, ARefusedRsetCostsTheNextMessageNothing) {
  for (const char* words : {"503 5.5.1 bad sequence\r\n", "421 4.3.2 bye\r\n", "451 4.3.0 later\r\n", "what?\r\n"}) {
    SCOPED_TRACE(words);
    Fixture fixture;
    Passing left(fixture);
    left.offer({"bob@example.net"});
    left.abandon();
    EXPECT_EQ(fixture.pool().status().front().idle, 1U);
    fixture.hop().add({.stage = HopStage::rset, .say = words});
    Passing next(fixture);
    EXPECT_EQ(next.send(kText), 250);
    EXPECT_EQ(fixture.pool().counters().opened, 2U);
    EXPECT_THAT(fixture.hop().ledger, ::testing::SizeIs(1));
  }
}

}  // namespace
}  // namespace sluice::relay
