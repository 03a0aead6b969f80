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

constexpr std::string_view kText = "From: <ann@example.com>\r\nSubject: x\r\n\r\n.hello\r\n";
const std::vector<std::string> kThree = {"a@example.net", "b@example.net", "c@example.net"};

std::uint64_t sends(Bench& bench) { return bench.platforms.world().faults().calls(sim::SimCall::send); }

// ------------------------------------------------------------------------------------------ how it is sent

TEST(TransmissionTest, ASmallMessageIsOneSendAndOneReply) {
  Bench bench(1, exact());
  bench.release(bench.acquire());
  const std::uint64_t before = sends(bench);
  const std::string text = std::string(kText) + std::string(60'000, 'x') + "\r\n";
  Sending message(bench, kThree);
  EXPECT_THAT(message.send(text, BodyForm::literal, 5'000), Each(Kind::taken));
  EXPECT_EQ(sends(bench) - before, 2U);  // ours and the next hop's
  ASSERT_THAT(bench.hop().ledger, SizeIs(1));
  EXPECT_EQ(bench.hop().ledger.front().content, text);
  EXPECT_THAT(bench.hop().ledger.front().recipients, ::testing::ElementsAreArray(kThree));
}

TEST(TransmissionTest, NoReplyIsAwaitedInBetween) {
  Bench bench(1, exact());
  bench.release(bench.acquire());
  bench.hop().add({.stage = HopStage::mail, .stall = 60s});
  const std::uint64_t before = bench.hop().bytes_received();
  Sending message(bench, kThree);
  testing::Running<testing::Done> running(bench.platforms, bench.loop, [&] {
    return testing::and_done(Sending::whole(message, kText, BodyForm::literal, SIZE_MAX));
  });
  bench.run_for(1s);
  EXPECT_FALSE(running.done());
  // MAIL is not answered yet, and all is there.
  EXPECT_THAT(bench.hop().commands.back(), StartsWith("MAIL"));
  EXPECT_GT(bench.hop().bytes_received() - before, kText.size() + 4 * 25);
  running.wait();
  EXPECT_THAT(message.kinds(), Each(Kind::taken));
}

TEST(TransmissionTest, WithPipeliningOnlyTheContentFollowsThe354) {
  Bench bench(1, exact());
  bench.hop().rules.chunking = false;
  bench.release(bench.acquire());
  const std::uint64_t before = sends(bench);
  Sending message(bench, kThree);
  EXPECT_THAT(message.send(kText), Each(Kind::taken));
  EXPECT_EQ(sends(bench) - before, 4U);
  EXPECT_EQ(bench.hop().ledger.front().content, kText);
}

TEST(TransmissionTest, WithoutPipeliningEachCommandWaits) {
  for (const bool chunking : {true, false}) {
    Bench bench(1, exact());
    set_manner(bench, {"", false, chunking});
    bench.release(bench.acquire());
    const std::uint64_t before = sends(bench);
    Sending message(bench, kThree);
    EXPECT_THAT(message.send(kText), Each(Kind::taken));
    // MAIL, three RCPT, then DATA and the content, or BDAT with it; and EHLO, whose answer shows that all were in step.
    EXPECT_EQ(sends(bench) - before, chunking ? 12U : 14U);
    EXPECT_EQ(bench.hop().ledger.front().content, kText);
  }
}

TEST(TransmissionTest, EveryFormGoesEveryWay) {
  for (const Manner& manner : kManners) {
    for (const std::size_t padding : {0U, 60'000U, 70'000U, 200'000U}) {
      for (const std::size_t piece : {3'000U, 16'384U, 1'000'000U}) {
        SCOPED_TRACE(std::string(manner.name) + " " + std::to_string(padding));
        Bench bench;
        set_manner(bench, manner);
        std::string text(kText);
        while (text.size() < padding) text += ".a line with a dot\r\n..\r\n";
        Sending message(bench, kThree);
        EXPECT_THAT(message.send(text, BodyForm::literal, piece), Each(Kind::taken));
        EXPECT_EQ(bench.hop().ledger.front().content, text);
        EXPECT_EQ(bench.hop().ledger.front().chunked, manner.chunking);
        EXPECT_EQ(message.transmission->code(), 250);
        EXPECT_TRUE(message.transmission->reached());
        EXPECT_EQ(bench.pool().status().front().idle, 1U);
      }
    }
  }
}

TEST(TransmissionTest, DotsComeOffAndAreNotDoubled) {
  for (const Manner& manner : kManners) {
    Bench bench;
    set_manner(bench, manner);
    Sending message(bench);
    EXPECT_THAT(message.send("From: <a@b>\r\n\r\n..dot\r\n", BodyForm::dot_stuffed, 3), ElementsAre(Kind::taken));
    EXPECT_EQ(bench.hop().ledger.front().content, "From: <a@b>\r\n\r\n.dot\r\n");
  }
}

TEST(TransmissionTest, NothingIsSaidBeforeTheContentIsThere) {
  Bench bench;
  Sending message(bench);
  message.run([&]() -> Task<void> {
    struct Steps {
      static Task<void> go(Sending& message) {
        message.make();
        co_await message.transmission->begin(BodyForm::literal);
        Chain chain;
        chain.append_copy(kText);
        co_await message.transmission->feed(std::move(chain));
        co_await message.transmission->abandon();
      }
    };
    return Steps::go(message);
  });
  EXPECT_THAT(bench.hop().commands, IsEmpty());
  EXPECT_FALSE(message.transmission->reached());
}

TEST(TransmissionTest, ALargeMessageIsNotSentToWhoRefusesIt) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Bench bench;
    set_manner(bench, manner);
    bench.hop().add({.stage = HopStage::recipient, .count = kAlways, .say = "550 5.1.1 no such user\r\n"});
    Sending message(bench, kThree);
    EXPECT_THAT(message.send(std::string(300'000, 'x') + "\r\n", BodyForm::literal, 10'000), Each(Kind::refused));
    EXPECT_EQ(bench.hop().content_read, 0U);
    EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("BDAT"))));
  }
}

// ------------------------------------------------------------------------------------------ recipients

TEST(TransmissionTest, EachRecipientHasItsOwnResult) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Bench bench;
    set_manner(bench, manner);
    bench.hop().add({.stage = HopStage::recipient, .say = "550 5.1.1 no such user\r\n", .only_for = "b@"});
    bench.hop().add({.stage = HopStage::recipient, .say = "452 4.2.2 full\r\n", .only_for = "c@"});
    Sending message(bench, kThree);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken, Kind::refused, Kind::deferred));
    EXPECT_EQ(message.result(1).code, 550);
    EXPECT_EQ(message.result(1).enhanced, (smtp::EnhancedCode{5, 1, 1}));
    EXPECT_EQ(message.result(1).text, "no such user");
    EXPECT_EQ(message.result(2).code, 452);
    EXPECT_THAT(bench.hop().ledger.front().recipients, ElementsAre("a@example.net"));
    message.expect_honest(kText);
    Sending second(bench);
    EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    EXPECT_EQ(bench.pool().counters().opened, 1U);
  }
}

TEST(TransmissionTest, WhereAllAreRefusedNothingIsSentAndTheDialogStaysInStep) {
  for (const Manner& manner : kManners) {
    for (const bool asks : {true, false}) {
      SCOPED_TRACE(manner.name);
      Bench bench;
      set_manner(bench, manner);
      bench.hop().rules.asks_for_nothing = asks;
      bench.hop().add({.stage = HopStage::recipient, .count = 3, .say = "550 5.1.1 no such user\r\n"});
      Sending message(bench, kThree);
      EXPECT_THAT(message.send(kText), Each(Kind::refused));
      EXPECT_EQ(message.transmission->code(), 550);
      EXPECT_THAT(bench.hop().ledger, IsEmpty());
      Sending second(bench);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(bench.pool().counters().opened, 1U);
      EXPECT_THAT(bench.hop().ledger, SizeIs(1));
    }
  }
}

TEST(TransmissionTest, ARefusedSenderIsRefusedForAll) {
  for (const Manner& manner : kManners) {
    for (const bool later : {true, false}) {
      SCOPED_TRACE(manner.name);
      Bench bench;
      set_manner(bench, manner);
      bench.hop().rules.asks_for_nothing = true;
      bench.hop().add({.stage = HopStage::mail, .say = later ? "451 4.7.1 later\r\n" : "550 5.7.1 not you\r\n"});
      Sending message(bench, kThree);
      EXPECT_THAT(message.send(kText), Each(later ? Kind::deferred : Kind::refused));
      EXPECT_EQ(message.result(2).text, later ? "later" : "not you");
      EXPECT_FALSE(message.transmission->maybe_taken());
      Sending second(bench);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(bench.pool().counters().opened, 1U);
    }
  }
}

TEST(TransmissionTest, AsksForNoMoreRecipientsThanLimitsAllow) {
  for (const Manner& manner : kManners) {
    Bench bench;
    set_manner(bench, manner);
    bench.hop().rules.recipients_max = 2;
    Sending message(bench, kThree);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken, Kind::taken, Kind::unasked));
    message.expect_honest(kText);
  }
}

// Also one that the message's refusal leaves alone: the next transaction may go better.
TEST(TransmissionTest, ARefusedMessageIsNoWordOnWhoWasNotAsked) {
  Bench bench;
  bench.hop().rules.recipients_max = 2;
  bench.hop().add({.stage = HopStage::message, .say = "554 5.7.1 spam\r\n"});
  Sending message(bench, kThree);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::refused, Kind::refused, Kind::unasked));
}

TEST(TransmissionTest, TooManyRecipientsIsForNowInEveryOfItsSpellings) {
  for (const char* words : {"452 4.5.3 too many\r\n", "552 5.5.3 too many\r\n", "552 too many\r\n"}) {
    Bench bench;
    bench.hop().add({.stage = HopStage::recipient, .after = 2, .say = words});
    Sending message(bench, kThree);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken, Kind::taken, Kind::deferred)) << words;
    EXPECT_EQ(message.result(2).code, 452);
  }
  Bench bench;
  bench.hop().add({.stage = HopStage::recipient, .after = 2, .say = "552 5.2.2 mailbox full\r\n"});
  Sending message(bench, kThree);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken, Kind::taken, Kind::refused));
}

// ------------------------------------------------------------------------------------------ what cannot be carried

TEST(TransmissionTest, RefusesWhatTheNextHopCannotCarryWithoutSayingAnything) {
  const auto refused = [](const std::function<void(Bench&, Sending&)>& prepare, std::string_view text = kText) {
    Bench bench;
    Sending message(bench, kThree);
    prepare(bench, message);
    EXPECT_THAT(message.send(text), Each(Kind::refused));
    EXPECT_THAT(bench.hop().commands, ElementsAre(StartsWith("EHLO")));
    EXPECT_EQ(bench.pool().status().front().idle, 1U);
    return message.result();
  };
  auto result = refused(
      [](Bench& bench, Sending& message) {
        bench.hop().rules.smtputf8 = false;
        message.envelope.smtputf8 = true;
      },
      "Subject: gr\u00fc\u00dfe\r\n\r\nhello\r\n");
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 6, 7}));
  result = refused(
      [](Bench& bench, Sending& message) {
        bench.hop().rules.eight_bit_mime = false;
        bench.route.eight_bit = route::RouteEightBit::refuse;
        message.envelope.body = smtp::Body::unstated;
      },
      "Subject: x\r\n\r\ngr\u00fc\u00dfe\r\n");
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 6, 3}));
  result = refused([](Bench& bench, Sending&) { bench.hop().rules.size_max = kText.size() - 1; });
  EXPECT_EQ(result.code, 552);
  EXPECT_EQ(result.enhanced, (smtp::EnhancedCode{5, 3, 4}));
  result = refused([](Bench&, Sending& message) { message.content_bytes = 100'000'001; });
  EXPECT_EQ(result.code, 552);
}

TEST(TransmissionTest, AMessageThatJustFitsIsSent) {
  for (const BodyForm form : {BodyForm::literal, BodyForm::dot_stuffed}) {
    Bench bench;
    bench.hop().rules.size_max = kText.size();
    std::string text(kText);
    if (form == BodyForm::dot_stuffed) text.replace(text.find(".hello"), 1, "..");
    Sending message(bench);
    EXPECT_THAT(message.send(text, form), ElementsAre(Kind::taken));
  }
}

// ------------------------------------------------------------------------------------------ who sends it

TEST(TransmissionTest, TellsWhoLoggedInByAuth) {
  for (const bool offered : {true, false}) {
    Bench bench;
    bench.route.identify = route::RouteIdentify::auth;
    if (offered) bench.hop().rules.auth = "GSSAPI";
    Sending known(bench);
    known.who.account = "ann+x@example.com";
    known.send(kText);
    Sending nobody(bench);
    nobody.send(kText);
    const auto& ledger = bench.hop().ledger;
    ASSERT_THAT(ledger, SizeIs(2));
    EXPECT_EQ(ledger[0].mail_parameters.contains(" AUTH=ann+2Bx@example.com"), offered);
    EXPECT_EQ(ledger[1].mail_parameters.contains(" AUTH=<>"), offered);
    EXPECT_EQ(ledger[0].mail_parameters.contains("AUTH"), offered);
  }
}

TEST(TransmissionTest, TellsWhoLoggedInByXclientWhenItChanges) {
  Bench bench;
  bench.route.identify = route::RouteIdentify::xclient;
  bench.hop().rules.xclient = "NAME ADDR PROTO HELO LOGIN";
  const auto send = [&bench](const char* login, const char* address) {
    Sending message(bench);
    message.who = {.account = login, .address = address};
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
    return bench.hop().ledger.back().xclient;
  };
  EXPECT_EQ(send("", ""), "");
  EXPECT_EQ(send("ann", "2001:db8::7"), "LOGIN=ann ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("ann", "2001:db8::7"), "LOGIN=ann ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("bob", ""), "LOGIN=bob ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]");
  EXPECT_EQ(send("", ""), "LOGIN=[UNAVAILABLE] ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]");
  EXPECT_EQ(std::ranges::count_if(bench.hop().commands, [](const auto& line) { return line.starts_with("XCLIENT"); }),
            3);
  EXPECT_EQ(bench.pool().counters().opened, 1U);
}

// It would go out under the name that was told before.
TEST(TransmissionTest, ARefusedXclientKeepsTheMessage) {
  Bench bench;
  bench.route.identify = route::RouteIdentify::xclient;
  bench.hop().rules.xclient = "LOGIN";
  bench.hop().add({.stage = HopStage::xclient, .say = "550 5.7.0 not you\r\n"});
  Sending message(bench);
  message.who.account = "ann";
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("MAIL"))));
  bench.run_for(1s);
  EXPECT_EQ(bench.pool().status().front().live, 0U);
}

// ------------------------------------------------------------------------------------------ as a status

TEST(TransmissionTest, WritesItsResultsIntoTheStatus) {
  Bench bench;
  bench.hop().rules.recipients_max = 2;
  bench.hop().add({.stage = HopStage::recipient, .say = "550-5.1.1 no\r\n550 5.1.1 such user\r\n", .only_for = "b@"});
  Sending message(bench, kThree);
  message.send(kText);
  message::DeliveryStatus status;
  status.recipients.resize(3);
  apply_results(*message.transmission, 77, status);
  EXPECT_EQ(status.recipients[0].fate, message::Fate::relayed);
  EXPECT_TRUE(status.recipients[0].passed_on_dsn);
  EXPECT_EQ(status.recipients[0].at, 77);
  EXPECT_EQ(status.recipients[0].next_hop, std::string(Bench::kFirst) + ":25");
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
