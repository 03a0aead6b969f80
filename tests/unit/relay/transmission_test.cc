// A message on one connection: how it is sent, and what each recipient's result is when nothing breaks.
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using message::BodyForm;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::uint64_t sends(Fixture& fixture) { return fixture.platforms.world().faults().calls(sim::SimCall::send); }

// ------------------------------------------------------------------------------------------ how it is sent

TEST(TransmissionTest, ASmallMessageIsOneSendAndOneReply) {
  Fixture fixture(1, exact());
  fixture.release(fixture.acquire());
  const std::uint64_t before = sends(fixture);
  const std::string text = std::string(kDottedText) + std::string(60'000, 'x') + "\r\n";
  Sending message(fixture, kThree);
  EXPECT_THAT(message.send(text, BodyForm::literal, 5'000), Each(Kind::taken));
  EXPECT_EQ(sends(fixture) - before, 2U);  // ours and the next hop's
  ASSERT_THAT(fixture.hop().ledger, SizeIs(1));
  EXPECT_EQ(fixture.hop().ledger.front().content, text);
  EXPECT_THAT(fixture.hop().ledger.front().recipients, ::testing::ElementsAreArray(kThree));
}

TEST(TransmissionTest, NoReplyIsAwaitedInBetween) {
  Fixture fixture(1, exact());
  fixture.release(fixture.acquire());
  fixture.hop().add({.stage = HopStage::mail, .stall = 60s});
  const std::uint64_t before = fixture.hop().bytes_received();
  Sending message(fixture, kThree);
  testing::Running<testing::Done> running(fixture.platforms, fixture.loop, [&] {
    return testing::and_done(Sending::whole(message, kDottedText, BodyForm::literal, SIZE_MAX));
  });
  fixture.run_for(1s);
  EXPECT_FALSE(running.done());
  // MAIL is not answered yet, and all is there.
  EXPECT_THAT(fixture.hop().commands.back(), StartsWith("MAIL"));
  EXPECT_GT(fixture.hop().bytes_received() - before, kDottedText.size() + 4 * 25);
  running.wait();
  EXPECT_THAT(message.kinds(), Each(Kind::taken));
}

TEST(TransmissionTest, WithPipeliningOnlyTheContentFollowsThe354) {
  Fixture fixture(1, exact());
  fixture.hop().rules.chunking = false;
  fixture.release(fixture.acquire());
  const std::uint64_t before = sends(fixture);
  Sending message(fixture, kThree);
  EXPECT_THAT(message.send(kDottedText), Each(Kind::taken));
  EXPECT_EQ(sends(fixture) - before, 4U);
  EXPECT_EQ(fixture.hop().ledger.front().content, kDottedText);
}

TEST(TransmissionTest, WithoutPipeliningEachCommandWaits) {
  for (const bool chunking : {true, false}) {
    Fixture fixture(1, exact());
    set_manner(fixture, {"", false, chunking});
    fixture.release(fixture.acquire());
    const std::uint64_t before = sends(fixture);
    Sending message(fixture, kThree);
    EXPECT_THAT(message.send(kDottedText), Each(Kind::taken));
    // MAIL, three RCPT, then DATA and the content, or BDAT with it; and EHLO, whose answer shows that all were in step.
    EXPECT_EQ(sends(fixture) - before, chunking ? 12U : 14U);
    EXPECT_EQ(fixture.hop().ledger.front().content, kDottedText);
  }
}

TEST(TransmissionTest, EveryFormGoesEveryWay) {
  for (const Manner& manner : kManners) {
    for (const std::size_t padding : {0U, 60'000U, 70'000U, 200'000U}) {
      for (const std::size_t piece : {3'000U, 16'384U, 1'000'000U}) {
        SCOPED_TRACE(std::string(manner.name) + " " + std::to_string(padding));
        Fixture fixture;
        set_manner(fixture, manner);
        std::string text(kDottedText);
        while (text.size() < padding) text += ".a line with a dot\r\n..\r\n";
        Sending message(fixture, kThree);
        EXPECT_THAT(message.send(text, BodyForm::literal, piece), Each(Kind::taken));
        EXPECT_EQ(fixture.hop().ledger.front().content, text);
        EXPECT_EQ(fixture.hop().ledger.front().chunked, manner.chunking);
        EXPECT_EQ(message.transmission->code(), 250);
        EXPECT_TRUE(message.transmission->reached());
        EXPECT_EQ(fixture.pool().status().front().idle, 1U);
      }
    }
  }
}

TEST(TransmissionTest, DotsComeOffAndAreNotDoubled) {
  for (const Manner& manner : kManners) {
    Fixture fixture;
    set_manner(fixture, manner);
    Sending message(fixture);
    EXPECT_THAT(message.send("From: <a@b>\r\n\r\n..dot\r\n", BodyForm::dot_stuffed, 3), ElementsAre(Kind::taken));
    EXPECT_EQ(fixture.hop().ledger.front().content, "From: <a@b>\r\n\r\n.dot\r\n");
  }
}

TEST(TransmissionTest, NothingIsSaidBeforeTheContentIsThere) {
  Fixture fixture;
  Sending message(fixture);
  message.run([&]() -> Task<void> {
    struct Steps {
      static Task<void> go(Sending& message) {
        message.make();
        co_await message.transmission->begin(BodyForm::literal);
        Chain chain;
        chain.append_copy(kDottedText);
        co_await message.transmission->feed(std::move(chain));
        co_await message.transmission->abandon();
      }
    };
    return Steps::go(message);
  });
  EXPECT_THAT(fixture.hop().commands, IsEmpty());
  EXPECT_FALSE(message.transmission->reached());
}

TEST(TransmissionTest, ALargeMessageIsNotSentToWhoRefusesIt) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 no such user\r\n"});
    Sending message(fixture, kThree);
    EXPECT_THAT(message.send(std::string(300'000, 'x') + "\r\n", BodyForm::literal, 10'000), Each(Kind::refused));
    EXPECT_EQ(fixture.hop().content_read, 0U);
    EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("BDAT"))));
  }
}

// ------------------------------------------------------------------------------------------ recipients

TEST(TransmissionTest, EachRecipientHasItsOwnResult) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
    fixture.hop().add({.stage = HopStage::recipient, .say = "452 4.2.2 full\r\n", .only_for = "c@"});
    Sending message(fixture, kThree);
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken, Kind::refused, Kind::deferred));
    EXPECT_EQ(message.result(1).code, 550);
    EXPECT_EQ(message.result(1).enhanced, (smtp::EnhancedCode{5, 1, 1}));
    EXPECT_EQ(message.result(1).text, "no such user");
    EXPECT_EQ(message.result(2).code, 452);
    EXPECT_THAT(fixture.hop().ledger.front().recipients, ElementsAre("a@example.net"));
    message.expect_honest(kDottedText);
    Sending second(fixture);
    EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::taken));
    EXPECT_EQ(fixture.pool().counters().opened, 1U);
  }
}

TEST(TransmissionTest, WhereAllAreRefusedNothingIsSentAndTheDialogStaysInStep) {
  for (const Manner& manner : kManners) {
    for (const bool asks : {true, false}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().rules.asks_for_nothing = asks;
      fixture.hop().add({.stage = HopStage::recipient, .count = 3, .say = "550 5.1.1 no such user\r\n"});
      Sending message(fixture, kThree);
      EXPECT_THAT(message.send(kDottedText), Each(Kind::refused));
      EXPECT_EQ(message.transmission->code(), 550);
      EXPECT_THAT(fixture.hop().ledger, IsEmpty());
      Sending second(fixture);
      EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.pool().counters().opened, 1U);
      EXPECT_THAT(fixture.hop().ledger, SizeIs(1));
    }
  }
}

TEST(TransmissionTest, ARefusedSenderIsRefusedForAll) {
  for (const Manner& manner : kManners) {
    for (const bool later : {true, false}) {
      SCOPED_TRACE(manner.name);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().rules.asks_for_nothing = true;
      fixture.hop().add({.stage = HopStage::mail, .say = later ? "451 4.7.1 later\r\n" : "550 5.7.1 not you\r\n"});
      Sending message(fixture, kThree);
      EXPECT_THAT(message.send(kDottedText), Each(later ? Kind::deferred : Kind::refused));
      EXPECT_EQ(message.result(2).text, later ? "later" : "not you");
      EXPECT_FALSE(message.transmission->maybe_taken());
      Sending second(fixture);
      EXPECT_THAT(second.send(kDottedText), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.pool().counters().opened, 1U);
    }
  }
}

TEST(TransmissionTest, AsksForNoMoreRecipientsThanLimitsAllow) {
  for (const Manner& manner : kManners) {
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().rules.recipients_max = 2;
    Sending message(fixture, kThree);
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken, Kind::taken, Kind::unasked));
    message.expect_honest(kDottedText);
  }
}

// Also one that the message's refusal leaves alone: the next transaction may go better.
TEST(TransmissionTest, ARefusedMessageIsNoWordOnWhoWasNotAsked) {
  Fixture fixture;
  fixture.hop().rules.recipients_max = 2;
  fixture.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
  Sending message(fixture, kThree);
  EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::refused, Kind::refused, Kind::unasked));
}

TEST(TransmissionTest, TooManyRecipientsIsForNowInEveryOfItsSpellings) {
  for (const char* words : {"452 4.5.3 too many\r\n", "552 5.5.3 too many\r\n", "552 too many\r\n"}) {
    Fixture fixture;
    fixture.hop().add({.stage = HopStage::recipient, .after = 2, .say = words});
    Sending message(fixture, kThree);
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken, Kind::taken, Kind::deferred)) << words;
    EXPECT_EQ(message.result(2).code, 452);
  }
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::recipient, .after = 2, .say = "552 5.2.2 mailbox full\r\n"});
  Sending message(fixture, kThree);
  EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken, Kind::taken, Kind::refused));
}

// ------------------------------------------------------------------------------------------ what cannot be carried

TEST(TransmissionTest, RefusesWhatTheNextHopCannotCarryWithoutSayingAnything) {
  const auto refused = [](const std::function<void(Fixture&, Sending&)>& prepare, std::string_view text = kDottedText) {
    Fixture fixture;
    Sending message(fixture, kThree);
    prepare(fixture, message);
    EXPECT_THAT(message.send(text), Each(Kind::refused));
    EXPECT_THAT(fixture.hop().commands, ElementsAre(StartsWith("EHLO")));
    EXPECT_EQ(fixture.pool().status().front().idle, 1U);
    return message.result();
  };
  auto result = refused(
      [](Fixture& fixture, Sending& message) {
        fixture.hop().rules.smtputf8 = false;
        message.envelope.smtputf8 = true;
      },
      "Subject: gr\u00fc\u00dfe\r\n\r\nhello\r\n");
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 6, 7}));
  result = refused(
      [](Fixture& fixture, Sending& message) {
        fixture.hop().rules.eight_bit_mime = false;
        fixture.route.eight_bit = route::RouteEightBit::refuse;
        message.envelope.body = smtp::Body::unstated;
      },
      "Subject: x\r\n\r\ngr\u00fc\u00dfe\r\n");
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 6, 3}));
  result = refused([](Fixture& fixture, Sending&) { fixture.hop().rules.size_max = kDottedText.size() - 1; });
  EXPECT_EQ(result.code, 552);
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 3, 4}));
  result = refused([](Fixture&, Sending& message) { message.content_bytes = 100'000'001; });
  EXPECT_EQ(result.code, 552);
}

TEST(TransmissionTest, AMessageThatJustFitsIsSent) {
  for (const BodyForm form : {BodyForm::literal, BodyForm::dot_stuffed}) {
    Fixture fixture;
    fixture.hop().rules.size_max = kDottedText.size();
    std::string text(kDottedText);
    if (form == BodyForm::dot_stuffed) text.replace(text.find(".hello"), 1, "..");
    Sending message(fixture);
    EXPECT_THAT(message.send(text, form), ElementsAre(Kind::taken));
  }
}

// ------------------------------------------------------------------------------------------ who sends it

TEST(TransmissionTest, TellsWhoLoggedInByAuth) {
  for (const bool offered : {true, false}) {
    Fixture fixture;
    fixture.route.identify = route::RouteIdentify::auth;
    if (offered) fixture.hop().rules.auth = "GSSAPI";
    Sending known(fixture);
    known.who.account = "ann+x@example.com";
    known.send(kDottedText);
    Sending unknown(fixture);
    unknown.send(kDottedText);
    const auto& ledger = fixture.hop().ledger;
    ASSERT_THAT(ledger, SizeIs(2));
    EXPECT_EQ(ledger[0].mail_parameters.contains(" AUTH=ann+2Bx@example.com"), offered);
    EXPECT_EQ(ledger[1].mail_parameters.contains(" AUTH=<>"), offered);
    EXPECT_EQ(ledger[0].mail_parameters.contains("AUTH"), offered);
  }
}

TEST(TransmissionTest, TellsWhoLoggedInByXclientWhenItChanges) {
  Fixture fixture;
  fixture.route.identify = route::RouteIdentify::xclient;
  fixture.hop().rules.xclient = "NAME ADDR PROTO HELO LOGIN";
  const auto send = [&fixture](const char* login, const char* address) {
    Sending message(fixture);
    message.who = {.account = login, .address = address};
    EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::taken));
    return fixture.hop().ledger.back().xclient;
  };
  EXPECT_EQ(send("", ""), "");
  EXPECT_EQ(send("ann", "2001:db8::7"), "LOGIN=ann ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("ann", "2001:db8::7"), "LOGIN=ann ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("bob", ""), "LOGIN=bob ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("", ""), "LOGIN=[UNAVAILABLE] ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]");
  EXPECT_EQ(std::ranges::count_if(fixture.hop().commands, [](const auto& line) { return line.starts_with("XCLIENT"); }),
            3);
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
}

// It would go out under the name that was told before.
TEST(TransmissionTest, ARefusedXclientKeepsTheMessage) {
  Fixture fixture;
  fixture.route.identify = route::RouteIdentify::xclient;
  fixture.hop().rules.xclient = "LOGIN";
  fixture.hop().add({.stage = HopStage::xclient, .say = "550 5.7.0 not you\r\n"});
  Sending message(fixture);
  message.who.account = "ann";
  EXPECT_THAT(message.send(kDottedText), ElementsAre(Kind::deferred));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("MAIL"))));
  fixture.run_for(1s);
  EXPECT_EQ(fixture.pool().status().front().live, 0U);
}

// ------------------------------------------------------------------------------------------ as a status

TEST(TransmissionTest, WritesItsResultsIntoTheStatus) {
  Fixture fixture;
  fixture.hop().rules.recipients_max = 2;
  fixture.hop().add({.stage = HopStage::recipient, .say = "550-5.1.1 no\r\n550 5.1.1 such user\r\n", .only_for = "b@"});
  Sending message(fixture, kThree);
  message.send(kDottedText);
  message::DeliveryStatus status;
  status.recipients.resize(3);
  apply_results(*message.transmission, 77, status);
  EXPECT_EQ(status.recipients[0].fate, message::Fate::relayed);
  EXPECT_TRUE(status.recipients[0].passed_on_dsn);
  EXPECT_EQ(status.recipients[0].at, 77);
  EXPECT_EQ(status.recipients[0].next_hop, std::string(Fixture::kFirst) + ":25");
  EXPECT_EQ(status.recipients[1].fate, message::Fate::failed);
  EXPECT_EQ(status.recipients[1].text, "no such user");
  EXPECT_FALSE(status.recipients[1].passed_on_dsn);
  EXPECT_EQ(status.recipients[2], message::RecipientStatus());
  const message::Attempt attempt = attempt_of(*message.transmission, 77);
  EXPECT_EQ(attempt.recipients, 2);
  EXPECT_EQ(attempt.taken, 1);
  EXPECT_EQ(attempt.code, 250);
}

}  // namespace
}  // namespace sluice::relay
