// Extensions that a next hop offers and cannot do: the message goes without them, and for a while others do, too.
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kHost = std::string(Fixture::kFirst) + ":25";

bool remembers(Fixture& fixture, hop::Lack lack) { return fixture.memory.lacks(kHost, lack, fixture.loop.now()); }

std::ptrdiff_t said(Fixture& fixture, const char* verb) {
  return std::ranges::count_if(fixture.hop().commands,
                               [verb](const std::string& line) { return line.starts_with(verb); });
}

// ------------------------------------------------------------------------------------------ BDAT

// It failed for good.
TEST(NextHopOffersTest, WhereBdatIsNotKnownDataIsUsedAtOnce) {
  for (const char* words : {"500 5.5.1 what?\r\n", "502 5.5.1 no\r\n", "501 5.5.4 no\r\n", "504 5.5.4 no\r\n"}) {
    for (const bool pipelining : {true, false}) {
      SCOPED_TRACE(words);
      Fixture fixture;
      set_manner(fixture, {"", pipelining, true});
      fixture.hop().add({.stage = HopStage::message, .say = words});
      Sending message(fixture);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
      ASSERT_THAT(fixture.hop().ledger, SizeIs(2));
      EXPECT_FALSE(fixture.hop().ledger[0].taken);
      EXPECT_FALSE(fixture.hop().ledger[1].chunked);
      EXPECT_NE(fixture.hop().ledger[0].connection, fixture.hop().ledger[1].connection);
      Sending second(fixture);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(said(fixture, "BDAT"), 1);
    }
  }
}

// It may read the content as commands: nothing more is said to it.
TEST(NextHopOffersTest, NothingFollowsABdatThatIsNotKnown) {
  Fixture fixture;
  set_manner(fixture, {"", false, true});
  fixture.hop().add({.stage = HopStage::message, .say = "500 5.5.1 what?\r\n"});
  Sending message(fixture);
  message.send(kText);
  const auto bdat =
      std::ranges::find_if(fixture.hop().commands, [](const auto& line) { return line.starts_with("BDAT"); });
  ASSERT_NE(bdat, fixture.hop().commands.end());
  EXPECT_EQ(*std::next(bdat), "EHLO relay.example");
  EXPECT_EQ(fixture.pool().counters().opened, 2U);
}

// Content that was on its way cannot be begun again: it is kept, and the next attempt is by DATA.
TEST(NextHopOffersTest, InTheMiddleOfAMessageTheNextAttemptIsByData) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::chunk, .say = "502 5.5.1 no\r\n"});
  const std::string large(300'000, 'x');
  Sending message(fixture);
  EXPECT_THAT(message.send(large + "\r\n", message::BodyForm::literal, 10'000), ElementsAre(Kind::deferred));
  Sending again(fixture);
  EXPECT_THAT(again.send(large + "\r\n", message::BodyForm::literal, 10'000), ElementsAre(Kind::taken));
  EXPECT_FALSE(fixture.hop().ledger.back().chunked);
}

// It never ended.
TEST(NextHopOffersTest, SilenceAfterBdatIsNotAskedForAgain) {
  for (const bool pipelining : {true, false}) {
    for (const bool closes : {true, false}) {
      Fixture fixture;
      set_manner(fixture, {"", pipelining, true});
      fixture.hop().add({.stage = HopStage::message, .stall = closes ? Duration(1s) : Duration(3h), .hang_up = closes});
      Sending message(fixture);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
      EXPECT_TRUE(remembers(fixture, hop::Lack::chunking));
      Sending again(fixture);
      EXPECT_THAT(again.send(kText), ElementsAre(Kind::taken));
      EXPECT_FALSE(fixture.hop().ledger.back().chunked);
    }
  }
}

TEST(NextHopOffersTest, WhatIsRememberedIsForgottenInTimeAndBounded) {
  std::vector<std::string> log;
  hop::HostMemory memory([&log](std::string_view host, hop::Lack lack, std::string_view why) {
    log.push_back(std::string(host) + " " + std::string(hop::lack_text(lack)) + ": " + std::string(why));
  });
  const Instant now{1h};
  memory.note("a:25", hop::Lack::chunking, "500 what?", now);
  memory.note("a:25", hop::Lack::chunking, "500 what?", now + 1min);
  EXPECT_THAT(log, ElementsAre("a:25 CHUNKING: 500 what?"));
  EXPECT_EQ(memory.noted(hop::Lack::chunking), 1U);
  EXPECT_TRUE(memory.lacks("a:25", hop::Lack::chunking, now + hop::HostMemory::kRemembered));
  EXPECT_FALSE(memory.lacks("a:25", hop::Lack::chunking, now + 1min + hop::HostMemory::kRemembered));
  EXPECT_FALSE(memory.lacks("a:25", hop::Lack::pipelining, now));
  for (std::size_t i = 0; i < hop::HostMemory::kHostsMax + 10; ++i)
    memory.note(std::to_string(i) + ":25", hop::Lack::tls, "closed", now + 2min);
  EXPECT_EQ(memory.hosts(), hop::HostMemory::kHostsMax);
  EXPECT_TRUE(memory.lacks(std::to_string(hop::HostMemory::kHostsMax + 9) + ":25", hop::Lack::tls, now + 2min));
}

// ------------------------------------------------------------------------------------------ PIPELINING

// Commands behind the first one of a group are lost: each message was deferred at its RCPT.
TEST(NextHopOffersTest, WhereAGroupIsNotReadCommandsAreSaidOneByOne) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::recipient, .stall = 3h});
  Sending message(fixture);
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
  EXPECT_TRUE(remembers(fixture, hop::Lack::pipelining));
  fixture.hop().rules.pipelining = false;  // from now on it complains of a group
  Sending again(fixture);
  EXPECT_THAT(again.send(kText), ElementsAre(Kind::taken));
}

// ------------------------------------------------------------------------------------------ parameters

message::Envelope& with_parameters(Sending& message) {
  message.envelope.ret = smtp::Ret::full;
  message.envelope.envid = "id1";
  message.envelope.recipients[0].notify = {.success = true};
  return message.envelope;
}

TEST(NextHopOffersTest, ParametersThatAreRefusedAreLeftOut) {
  for (const char* words : {"555 5.5.4 RET?\r\n", "501 5.5.4 what?\r\n", "501 what?\r\n", "504 5.5.4 no\r\n"}) {
    for (const Manner& manner : kManners) {
      SCOPED_TRACE(std::string(manner.name) + " " + words);
      Fixture fixture;
      set_manner(fixture, manner);
      fixture.hop().rules.asks_for_nothing = true;
      fixture.hop().add({.stage = HopStage::mail, .say = words});
      Sending message(fixture);
      with_parameters(message);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.hop().ledger.back().mail_parameters, "");
      EXPECT_FALSE(message.transmission->dsn_offered());  // so that the relay itself reports
      EXPECT_TRUE(remembers(fixture, hop::Lack::parameters));
      Sending second(fixture);
      with_parameters(second);
      EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
      EXPECT_EQ(fixture.hop().ledger.back().mail_parameters, "");
    }
  }
}

TEST(NextHopOffersTest, ParametersOfRcptThatAreRefusedAreLeftOut) {
  for (const Manner& manner : kManners) {
    SCOPED_TRACE(manner.name);
    Fixture fixture;
    set_manner(fixture, manner);
    fixture.hop().rules.asks_for_nothing = true;
    fixture.hop().add({.stage = HopStage::recipient, .say = "555 5.5.4 NOTIFY?\r\n"});
    Sending message(fixture);
    with_parameters(message);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
    EXPECT_THAT(fixture.hop().commands, Contains("RCPT TO:<bob@example.net>"));
  }
}

TEST(NextHopOffersTest, BodyIsLeftOutOnlyIfTheRestWasNotTheReason) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::mail, .count = 2, .say = "555 5.5.4 what?\r\n"});
  Sending message(fixture);
  message.envelope.body = smtp::Body::seven_bit;
  EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
  EXPECT_TRUE(remembers(fixture, hop::Lack::bodies));
  EXPECT_EQ(fixture.hop().ledger.back().mail_parameters, "");
}

// The address was what was wrong: refused as before, and nothing is remembered of the host.
TEST(NextHopOffersTest, ASenderThatIsRefusedWithoutParametersTooStaysRefused) {
  for (const char* words : {"501 what?\r\n", "501 5.1.7 no such sender\r\n"}) {
    Fixture fixture;
    fixture.hop().add({.stage = HopStage::mail, .count = 4, .say = words});
    Sending message(fixture);
    with_parameters(message);
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::refused));
    EXPECT_EQ(message.result().code, 501);
    EXPECT_FALSE(remembers(fixture, hop::Lack::parameters));
    fixture.hop().clear_faults();
    Sending second(fixture);
    with_parameters(second);
    EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    EXPECT_THAT(fixture.hop().ledger.back().mail_parameters, HasSubstr("RET=FULL"));
  }
}

// ------------------------------------------------------------------------------------------ STARTTLS

// What a next hop does whose TLS does not work.
const HopFault kBroken[] = {
    {.stage = HopStage::starttls, .count = kAlways, .hang_up = true},
    {.stage = HopStage::starttls, .count = kAlways, .say = "220 2.0.0 go\r\n", .hang_up = true},
    {.stage = HopStage::starttls, .count = kAlways, .stall = 3h},
    {.stage = HopStage::starttls, .count = kAlways, .say = "220 2.0.0 go\r\n"},
    {.stage = HopStage::starttls,
     .count = kAlways,
     .say = "220 2.0.0 go\r\n",
     .say_too = "500 what?\r\n",
     .too_late = 50ms},
};

// It was deferred at each attempt until it expired.
TEST(NextHopOffersTest, WhereTlsFailsAndIsOnlyOpportunisticItGoesInClear) {
  for (const HopFault& broken : kBroken) {
    Fixture fixture;
    fixture.route.tls = route::RouteTls::opportunistic;
    fixture.hop().rules.starttls = true;
    fixture.hop().add(broken);
    Sending message(fixture);
    const Instant before = fixture.loop.now();
    EXPECT_THAT(message.send(kText), ElementsAre(Kind::taken));
    EXPECT_LE(fixture.loop.now() - before, 35s);
    EXPECT_EQ(message.transmission->tls().version, "");
    EXPECT_TRUE(remembers(fixture, hop::Lack::tls));
    Sending second(fixture);
    EXPECT_THAT(second.send(kText), ElementsAre(Kind::taken));
    EXPECT_EQ(said(fixture, "STARTTLS"), 1);
    fixture.run_for(hop::HostMemory::kRemembered + 1min);
    Sending third(fixture);
    EXPECT_THAT(third.send(kText), ElementsAre(Kind::taken));
    EXPECT_EQ(said(fixture, "STARTTLS"), 2);
    fixture.hop().violations.clear();  // a ClientHello is no command
  }
}

TEST(NextHopOffersTest, WhereTlsIsRequiredOrTheRouteLogsInItStays) {
  for (const bool login : {true, false}) {
    for (const HopFault& broken : kBroken) {
      Fixture fixture;
      fixture.route.tls = login ? route::RouteTls::opportunistic : route::RouteTls::required;
      if (login) fixture.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
      fixture.hop().rules.auth = "PLAIN";
      fixture.hop().rules.starttls = true;
      fixture.hop().add(broken);
      Sending message(fixture);
      EXPECT_THAT(message.send(kText), ElementsAre(Kind::deferred));
      EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("MAIL"))));
      EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("AUTH"))));
      EXPECT_FALSE(remembers(fixture, hop::Lack::tls));
      fixture.hop().violations.clear();
    }
  }
}

}  // namespace
}  // namespace sluice::relay
