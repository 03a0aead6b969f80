// Opening a connection to a next hop: greeting, EHLO, STARTTLS, login, and what goes wrong there.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What the log says of the attempt; empty when it succeeded.
std::string try_to_open(Fixture& fixture) {
  auto acquired = fixture.acquire();
  if (!acquired) {
    EXPECT_EQ(acquired.error().reply.code(), 451);
    return acquired.error().detail;
  }
  fixture.release(std::move(acquired));
  return "";
}

TEST(NextHopTest, SaysEhloAndKeepsTheConnection) {
  Fixture fixture;
  EXPECT_EQ(try_to_open(fixture), "");
  EXPECT_EQ(try_to_open(fixture), "");
  EXPECT_THAT(fixture.hop().commands, ElementsAre("EHLO relay.example"));
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
  EXPECT_EQ(fixture.pool().counters().reused, 1U);
  EXPECT_EQ(observed(fixture.counters.connect), 1U);
  EXPECT_EQ(observed(fixture.counters.tls_handshake), 0U);
}

TEST(NextHopTest, SaysHeloToWhomDoesNotKnowEhlo) {
  Fixture fixture;
  fixture.hop().rules.pipelining = false;
  fixture.hop().add({.stage = HopStage::ehlo, .say = "502 what is that\r\n"});
  EXPECT_EQ(try_to_open(fixture), "");
  EXPECT_THAT(fixture.hop().commands, ElementsAre("EHLO relay.example", "HELO relay.example"));
}

TEST(NextHopTest, DoesNotFallBackWhenEhloIsRefusedForNow) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::ehlo, .say = "450 4.3.2 not now\r\n"});
  EXPECT_THAT(try_to_open(fixture), HasSubstr("EHLO: 450"));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("HELO"))));
}

TEST(NextHopTest, GoesOnWithoutTlsWhereItIsOnlyOpportunistic) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::opportunistic;
  EXPECT_EQ(try_to_open(fixture), "");
  EXPECT_THAT(fixture.hop().commands, ElementsAre("EHLO relay.example"));
}

TEST(NextHopTest, GoesOnWithoutTlsWhereStartTlsIsRefused) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::opportunistic;
  fixture.hop().rules.starttls = true;
  EXPECT_EQ(try_to_open(fixture), "");
  EXPECT_THAT(fixture.hop().commands, ElementsAre("EHLO relay.example", "STARTTLS"));
}

// An attacker in between may have cut STARTTLS out of the answer to EHLO.
TEST(NextHopTest, SendsNothingWhereTlsIsRequiredAndNotOffered) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::required;
  fixture.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
  fixture.hop().rules.auth = "PLAIN LOGIN";
  EXPECT_THAT(try_to_open(fixture), HasSubstr("requires TLS"));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("AUTH"))));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("MAIL"))));
}

TEST(NextHopTest, SendsNothingWhereTlsIsRequiredAndRefused) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::required;
  fixture.hop().rules.starttls = true;
  EXPECT_THAT(try_to_open(fixture), HasSubstr("STARTTLS: 454"));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("MAIL"))));
}

TEST(NextHopTest, TrustsNothingBehindThe220OfStartTls) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::opportunistic;
  fixture.hop().rules.starttls = true;
  fixture.hop().add({.stage = HopStage::starttls, .say = "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"});
  EXPECT_NE(try_to_open(fixture), "");
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("AUTH"))));
}

TEST(NextHopTest, ShowsNoPasswordWithoutTls) {
  Fixture fixture;
  fixture.route.tls = route::RouteTls::opportunistic;
  fixture.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
  fixture.hop().rules.auth = "PLAIN LOGIN";
  EXPECT_THAT(try_to_open(fixture), HasSubstr("offers no TLS"));
  EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("AUTH"))));
}

TEST(NextHopTest, TakesWhatIsNoReplyForTheEnd) {
  for (const char* garbage : {"garbage\r\n", "299\r\n\r\n", "22x hello\r\n", "553-\r\n553\r\n", "250-a\r\n251 b\r\n",
                              "220 nul\0here\r\n", "100 early\r\n", "999 late\r\n"}) {
    Fixture fixture;
    fixture.hop().add({.stage = HopStage::greeting, .count = kAlways, .say = garbage});
    const std::string detail = try_to_open(fixture);
    if (std::string_view(garbage).starts_with("220 nul")) continue;  // ends at the NUL: no line yet
    EXPECT_NE(detail, "") << garbage;
    EXPECT_THAT(fixture.hop().commands, Not(Contains(StartsWith("MAIL"))));
  }
}

TEST(NextHopTest, TakesASecondReplyForWhatItIs) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::ehlo, .say_too = "250 and welcome again\r\n"});
  auto acquired = fixture.acquire();
  // It may come with the answer to EHLO or just behind: the connection is of no use either way.
  if (acquired) {
    fixture.run_for(1s);
    EXPECT_FALSE((*acquired)->reusable());
    fixture.release(std::move(acquired));
  }
}

TEST(NextHopTest, BoundsAnEndlessReply) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::ehlo, .endless = true});
  EXPECT_THAT(try_to_open(fixture), HasSubstr("garbage"));
}

TEST(NextHopTest, BoundsALineWithoutEnd) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::greeting, .say = "220 " + std::string(100'000, 'x')});
  EXPECT_THAT(try_to_open(fixture), HasSubstr("garbage"));
}

TEST(NextHopTest, WaitsForTheGreetingAndNoLonger) {
  Fixture fixture;
  fixture.route.command_timeout = 5min;
  fixture.hop().add({.stage = HopStage::greeting, .stall = 3h});
  const Instant before = fixture.loop.now();
  EXPECT_THAT(try_to_open(fixture), HasSubstr("greeting: timed out"));
  EXPECT_GE(fixture.loop.now() - before, 5min);
  EXPECT_LE(fixture.loop.now() - before, 5min + 5s);
}

TEST(NextHopTest, OneDeadlineHoldsForAReplyThatComesInDrops) {
  Fixture fixture;
  fixture.route.command_timeout = 1min;
  // A line every ten seconds would renew a time-out per receive for ever.
  fixture.hop().add({.stage = HopStage::greeting, .say = "220-a\r\n"});
  testing::Running<hop::Pool::Acquired> opening(fixture.platforms, fixture.loop,
                                                [&] { return fixture.pool().acquire({}); });
  const Instant before = fixture.loop.now();
  while (!opening.done() && fixture.loop.now() - before < 10min) {
    fixture.run_for(10s);
    fixture.hop().say_everywhere("220-b\r\n");
  }
  auto acquired = opening.wait();
  ASSERT_FALSE(acquired);
  EXPECT_LE(fixture.loop.now() - before, 90s);
}

TEST(NextHopTest, HangsUpAtEveryStage) {
  for (const HopStage stage : {HopStage::greeting, HopStage::ehlo}) {
    Fixture fixture;
    fixture.hop().add({.stage = stage, .hang_up = true});
    EXPECT_THAT(try_to_open(fixture), HasSubstr("connection closed"));
    fixture.run_for(2s);  // its back-off
    EXPECT_EQ(try_to_open(fixture), "");
  }
}

TEST(NextHopTest, ARefusedConnectionIsAFailure) {
  Fixture fixture;
  fixture.route.hosts.front().port = 26;
  EXPECT_THAT(try_to_open(fixture), HasSubstr("connect: "));
}

TEST(NextHopTest, AHostThatDoesNotAnswerIsAFailureInTime) {
  Fixture fixture;
  fixture.route.connect_timeout = 30s;
  fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  const Instant before = fixture.loop.now();
  EXPECT_THAT(try_to_open(fixture), HasSubstr("connect: "));
  EXPECT_LE(fixture.loop.now() - before, 31s);
}

}  // namespace
}  // namespace sluice::relay
