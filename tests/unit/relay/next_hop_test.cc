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
std::string try_to_open(Bench& bench) {
  auto acquired = bench.acquire();
  if (!acquired) {
    EXPECT_EQ(acquired.error().reply.code(), 451);
    return acquired.error().detail;
  }
  bench.release(std::move(acquired));
  return "";
}

TEST(NextHopTest, SaysEhloAndKeepsTheConnection) {
  Bench bench;
  EXPECT_EQ(try_to_open(bench), "");
  EXPECT_EQ(try_to_open(bench), "");
  EXPECT_THAT(bench.hop().commands, ElementsAre("EHLO relay.example"));
  EXPECT_EQ(bench.pool().counters().opened, 1U);
  EXPECT_EQ(bench.pool().counters().reused, 1U);
}

TEST(NextHopTest, SaysHeloToWhomDoesNotKnowEhlo) {
  Bench bench;
  bench.hop().rules.pipelining = false;
  bench.hop().add({.stage = HopStage::ehlo, .say = "502 what is that\r\n"});
  EXPECT_EQ(try_to_open(bench), "");
  EXPECT_THAT(bench.hop().commands, ElementsAre("EHLO relay.example", "HELO relay.example"));
}

TEST(NextHopTest, DoesNotFallBackWhenEhloIsRefusedForNow) {
  Bench bench;
  bench.hop().add({.stage = HopStage::ehlo, .say = "450 4.3.2 not now\r\n"});
  EXPECT_THAT(try_to_open(bench), HasSubstr("EHLO: 450"));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("HELO"))));
}

TEST(NextHopTest, GoesOnWithoutTlsWhereItIsOnlyOpportunistic) {
  Bench bench;
  bench.route.tls = route::RouteTls::opportunistic;
  EXPECT_EQ(try_to_open(bench), "");
  EXPECT_THAT(bench.hop().commands, ElementsAre("EHLO relay.example"));
}

TEST(NextHopTest, GoesOnWithoutTlsWhereStartTlsIsRefused) {
  Bench bench;
  bench.route.tls = route::RouteTls::opportunistic;
  bench.hop().rules.starttls = true;
  EXPECT_EQ(try_to_open(bench), "");
  EXPECT_THAT(bench.hop().commands, ElementsAre("EHLO relay.example", "STARTTLS"));
}

// Somebody in between may have cut STARTTLS out of the answer to EHLO.
TEST(NextHopTest, SendsNothingWhereTlsIsRequiredAndNotOffered) {
  Bench bench;
  bench.route.tls = route::RouteTls::required;
  bench.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
  bench.hop().rules.auth = "PLAIN LOGIN";
  EXPECT_THAT(try_to_open(bench), HasSubstr("requires TLS"));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("AUTH"))));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("MAIL"))));
}

TEST(NextHopTest, SendsNothingWhereTlsIsRequiredAndRefused) {
  Bench bench;
  bench.route.tls = route::RouteTls::required;
  bench.hop().rules.starttls = true;
  EXPECT_THAT(try_to_open(bench), HasSubstr("STARTTLS: 454"));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("MAIL"))));
}

TEST(NextHopTest, TrustsNothingBehindThe220OfStartTls) {
  Bench bench;
  bench.route.tls = route::RouteTls::opportunistic;
  bench.hop().rules.starttls = true;
  bench.hop().add({.stage = HopStage::starttls, .say = "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"});
  EXPECT_NE(try_to_open(bench), "");
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("AUTH"))));
}

TEST(NextHopTest, ShowsNoPasswordWithoutTls) {
  Bench bench;
  bench.route.tls = route::RouteTls::opportunistic;
  bench.route.login = route::RouteLogin{.name = "relay", .secret = "secret"};
  bench.hop().rules.auth = "PLAIN LOGIN";
  EXPECT_THAT(try_to_open(bench), HasSubstr("offers no TLS"));
  EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("AUTH"))));
}

TEST(NextHopTest, TakesWhatIsNoReplyForTheEnd) {
  for (const char* garbage : {"garbage\r\n", "299\r\n\r\n", "22x hello\r\n", "553-\r\n553\r\n", "250-a\r\n251 b\r\n",
                              "220 nul\0here\r\n", "100 early\r\n", "999 late\r\n"}) {
    Bench bench;
    bench.hop().add({.stage = HopStage::greeting, .count = kAlways, .say = garbage});
    const std::string detail = try_to_open(bench);
    if (std::string_view(garbage).starts_with("220 nul")) continue;  // ends at the NUL: no line yet
    EXPECT_NE(detail, "") << garbage;
    EXPECT_THAT(bench.hop().commands, Not(Contains(StartsWith("MAIL"))));
  }
}

TEST(NextHopTest, TakesASecondReplyForWhatItIs) {
  Bench bench;
  bench.hop().add({.stage = HopStage::ehlo, .say_too = "250 and welcome again\r\n"});
  auto acquired = bench.acquire();
  // It may come with the answer to EHLO or just behind: the connection is of no use either way.
  if (acquired) {
    bench.run_for(1s);
    EXPECT_FALSE((*acquired)->reusable());
    bench.release(std::move(acquired));
  }
}

TEST(NextHopTest, BoundsAnEndlessReply) {
  Bench bench;
  bench.hop().add({.stage = HopStage::ehlo, .endless = true});
  EXPECT_THAT(try_to_open(bench), HasSubstr("garbage"));
}

TEST(NextHopTest, BoundsALineWithoutEnd) {
  Bench bench;
  bench.hop().add({.stage = HopStage::greeting, .say = "220 " + std::string(100'000, 'x')});
  EXPECT_THAT(try_to_open(bench), HasSubstr("garbage"));
}

TEST(NextHopTest, WaitsForTheGreetingAndNoLonger) {
  Bench bench;
  bench.route.command_timeout = 5min;
  bench.hop().add({.stage = HopStage::greeting, .stall = 3h});
  const Instant before = bench.loop.now();
  EXPECT_THAT(try_to_open(bench), HasSubstr("greeting: timed out"));
  EXPECT_GE(bench.loop.now() - before, 5min);
  EXPECT_LE(bench.loop.now() - before, 5min + 5s);
}

TEST(NextHopTest, OneDeadlineHoldsForAReplyThatComesInDrops) {
  Bench bench;
  bench.route.command_timeout = 1min;
  // A line every ten seconds would renew a time-out per receive for ever.
  bench.hop().add({.stage = HopStage::greeting, .say = "220-a\r\n"});
  testing::Running<hop::Pool::Acquired> opening(bench.platforms, bench.loop, [&] { return bench.pool().acquire({}); });
  const Instant before = bench.loop.now();
  while (!opening.done() && bench.loop.now() - before < 10min) {
    bench.run_for(10s);
    bench.hop().say_everywhere("220-b\r\n");
  }
  auto acquired = opening.wait();
  ASSERT_FALSE(acquired);
  EXPECT_LE(bench.loop.now() - before, 90s);
}

TEST(NextHopTest, HangsUpAtEveryStage) {
  for (const HopStage stage : {HopStage::greeting, HopStage::ehlo}) {
    Bench bench;
    bench.hop().add({.stage = stage, .hang_up = true});
    EXPECT_THAT(try_to_open(bench), HasSubstr("connection closed"));
    bench.run_for(2s);  // its back-off
    EXPECT_EQ(try_to_open(bench), "");
  }
}

TEST(NextHopTest, ARefusedConnectionIsTrouble) {
  Bench bench;
  bench.route.hosts.front().port = 26;
  EXPECT_THAT(try_to_open(bench), HasSubstr("connect: "));
}

TEST(NextHopTest, AHostThatDoesNotAnswerIsTroubleInTime) {
  Bench bench;
  bench.route.connect_timeout = 30s;
  bench.platforms.world().set_reachable(Bench::kFirst, false);
  const Instant before = bench.loop.now();
  EXPECT_THAT(try_to_open(bench), HasSubstr("connect: "));
  EXPECT_LE(bench.loop.now() - before, 31s);
}

}  // namespace
}  // namespace sluice::relay
