// The pool: kept connections, the limit for each host, who has to wait and for how long, hosts that fail.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Waiting = testing::Running<hop::Pool::Acquired>;

std::unique_ptr<Waiting> start(Fixture& fixture) {
  return std::make_unique<Waiting>(fixture.platforms, fixture.loop, [&fixture] { return fixture.pool().acquire({}); });
}

hop::HostStatus status(Fixture& fixture, std::size_t host = 0) { return fixture.pool().status().at(host); }

TEST(PoolTest, KeepsNoMoreThanTheLimitForAHostAndLetsTheRestWait) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 3;
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 10; ++i) all.push_back(start(fixture));
  fixture.run_for(1s);
  EXPECT_EQ(fixture.hop().live(), 3U);
  EXPECT_EQ(fixture.pool().counters().waiting, 7U);
  EXPECT_EQ(fixture.pool().counters().waited, 7U);
  int served = 0;
  while (!all.empty()) {
    const auto it = std::ranges::find_if(all, [](const auto& each) { return each->done(); });
    ASSERT_NE(it, all.end());
    auto acquired = (*it)->wait();
    ASSERT_TRUE(acquired);
    all.erase(it);
    fixture.release(std::move(acquired));
    fixture.run_for(100ms);
    ++served;
  }
  EXPECT_EQ(served, 10);
  EXPECT_EQ(fixture.hop().live_max, 3U);
  EXPECT_EQ(fixture.pool().counters().opened, 3U);
}

TEST(PoolTest, RefusesWhoWaitsTooLong) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  fixture.route.connect_timeout = 20s;
  auto first = fixture.acquire();
  const Instant before = fixture.loop.now();
  auto second = fixture.acquire();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().detail, HasSubstr("in use"));
  EXPECT_EQ(second.error().reply.code(), 451);
  EXPECT_LE(fixture.loop.now() - before, 21s);
  EXPECT_EQ(fixture.pool().counters().waiting, 0U);
  EXPECT_EQ(fixture.pool().counters().refused, 1U);
  fixture.release(std::move(first));
}

TEST(PoolTest, RefusesAtOnceWhenTooManyWait) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  fixture.route.waiting_max = 2;
  auto first = fixture.acquire();
  const auto second = start(fixture);
  const auto third = start(fixture);
  fixture.run_for(10ms);
  const Instant before = fixture.loop.now();
  auto fourth = fixture.acquire();
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fixture.loop.now(), before);
  fixture.release(std::move(first));
  fixture.release(second->wait());
  fixture.release(third->wait());
}

// A session that gives a connection back and asks again in the same breath must not get it before those who wait.
TEST(PoolTest, WhoComesLaterDoesNotOvertakeWhoWaits) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  auto first = fixture.acquire();
  const auto waiting = start(fixture);
  fixture.run_for(1s);
  auto hop = *std::move(first);
  std::unique_ptr<Waiting> greedy;
  testing::await<int>(fixture.platforms, fixture.loop, [&]() -> Task<int> {
    struct Steps {
      static Task<int> go(Fixture& fixture, std::unique_ptr<hop::NextHop>& hop, std::unique_ptr<Waiting>& greedy) {
        fixture.pool().release(std::move(hop));
        greedy = start(fixture);
        co_return 0;
      }
    };
    return Steps::go(fixture, hop, greedy);
  });
  fixture.run_for(1s);
  EXPECT_TRUE(waiting->done());
  EXPECT_FALSE(greedy->done());
  fixture.release(waiting->wait());
  fixture.release(greedy->wait());
}

// Its turn comes in the very turn of the loop in which its time is up.
TEST(PoolTest, AWaiterWhoseTimeIsUpLosesNoTurnToTheOthers) {
  for (int step = 0; step < 20; ++step) {
    Fixture fixture;
    fixture.route.connections_per_host_max = 1;
    fixture.route.connect_timeout = 1s;
    auto first = fixture.acquire();
    const auto early = start(fixture);
    fixture.run_for(500ms);
    const auto late = start(fixture);
    auto hop = *std::move(first);
    fixture.platforms.world().after(500ms + step * 50us - 500us,
                                    [&] { fixture.loop.post([&] { fixture.pool().release(std::move(hop)); }); });
    fixture.run_for(600ms);
    // One of them has it, and the other one's time is up or it still waits for that one.
    EXPECT_TRUE(early->done()) << step;
    if (auto got = early->wait(); got) fixture.release(std::move(got));
    fixture.run_for(100ms);
    ASSERT_TRUE(late->done()) << step;
    fixture.release(late->wait());
  }
}

TEST(PoolTest, LeavesAHostAloneThatFailsAndThenTriesItOnce) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::greeting, .count = 3, .say = "421 4.3.2 too busy\r\n", .hang_up = true});
  ASSERT_FALSE(fixture.acquire());
  EXPECT_EQ(fixture.hop().accepted, 1U);
  EXPECT_EQ(status(fixture).failures, 1U);
  EXPECT_THAT(status(fixture).last_error, HasSubstr("421"));
  // Within a second nobody tries.
  for (int i = 0; i < 5; ++i) {
    auto refused = fixture.acquire();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr("421"));
  }
  EXPECT_EQ(fixture.hop().accepted, 1U);
  fixture.run_for(1100ms);
  // Then one does, and the others wait for what it finds out.
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 5; ++i) all.push_back(start(fixture));
  fixture.run_for(500ms);
  EXPECT_EQ(fixture.hop().accepted, 2U);
  for (const auto& each : all) EXPECT_FALSE(each->wait());
  EXPECT_EQ(status(fixture).failures, 2U);
  fixture.run_for(1100ms);  // two seconds this time
  EXPECT_FALSE(fixture.acquire());
  EXPECT_EQ(fixture.hop().accepted, 2U);
  fixture.run_for(1100ms);
  EXPECT_FALSE(fixture.acquire());
  EXPECT_EQ(fixture.hop().accepted, 3U);
  fixture.run_for(5s);
  auto fine = fixture.acquire();
  ASSERT_TRUE(fine);
  EXPECT_EQ(status(fixture).failures, 0U);
  EXPECT_EQ(status(fixture).last_error, "");
  fixture.release(std::move(fine));
}

TEST(PoolTest, WhoWaitsForAProbeGoesOnWhenItSucceeds) {
  Fixture fixture;
  fixture.hop().add({.stage = HopStage::greeting, .say = "421 busy\r\n", .hang_up = true});
  ASSERT_FALSE(fixture.acquire());
  fixture.run_for(1100ms);
  fixture.hop().add({.stage = HopStage::greeting, .stall = 2s});
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 5; ++i) all.push_back(start(fixture));
  fixture.run_for(1s);
  EXPECT_EQ(fixture.hop().live(), 1U);
  for (const auto& each : all) {
    auto acquired = each->wait();
    ASSERT_TRUE(acquired);
    fixture.release(std::move(acquired));
  }
}

TEST(PoolTest, GoesToAnotherHostWhenOneFails) {
  Fixture fixture(1, {}, 2);
  fixture.hop().add({.stage = HopStage::greeting, .count = kAlways, .hang_up = true});
  for (int i = 0; i < 5; ++i) {
    auto acquired = fixture.acquire();
    ASSERT_TRUE(acquired);
    EXPECT_EQ((*acquired)->label(), std::string(Fixture::kSecond) + ":25");
    fixture.release(std::move(acquired));
  }
  EXPECT_EQ(fixture.hop().accepted, 1U);
}

TEST(PoolTest, SpreadsOverTheHosts) {
  Fixture fixture(1, {}, 2);
  std::vector<hop::Pool::Acquired> lent;
  for (int i = 0; i < 6; ++i) lent.push_back(fixture.acquire());
  EXPECT_EQ(fixture.hops[0]->live(), 3U);
  EXPECT_EQ(fixture.hops[1]->live(), 3U);
  for (auto& each : lent) fixture.release(std::move(each));
}

TEST(PoolTest, TriesAllAddressesOfAHost) {
  Fixture fixture(1, {}, 0);
  fixture.platforms.world().names().add("mx.example.net", "192.0.2.99");
  fixture.platforms.world().names().add("mx.example.net", Fixture::kFirst);
  fixture.add_hop(Fixture::kFirst);
  fixture.route.hosts = {{.name = "mx.example.net", .port = 25}};
  auto acquired = fixture.acquire();
  ASSERT_TRUE(acquired);
  EXPECT_EQ((*acquired)->connection().peer().ip(), Fixture::kFirst);
  fixture.release(std::move(acquired));
}

TEST(PoolTest, AnUnknownNameIsAFailure) {
  Fixture fixture;
  fixture.route.hosts = {{.name = "nowhere.example.net", .port = 25}};
  auto acquired = fixture.acquire();
  ASSERT_FALSE(acquired);
  EXPECT_THAT(acquired.error().detail, HasSubstr("nowhere.example.net"));
}

TEST(PoolTest, ClosesWhatNobodyUsesAndSaysQuit) {
  Fixture fixture;
  fixture.route.idle_timeout = 60s;
  fixture.release(fixture.acquire());
  fixture.run_for(50s);
  EXPECT_EQ(fixture.hop().live(), 1U);
  fixture.run_for(15s);
  EXPECT_EQ(fixture.hop().live(), 0U);
  EXPECT_THAT(fixture.hop().commands, ::testing::Contains("QUIT"));
  EXPECT_EQ(status(fixture).live, 0U);
  EXPECT_EQ(status(fixture).idle, 0U);
}

TEST(PoolTest, DropsWhatTheNextHopHasClosed) {
  Fixture fixture;
  fixture.release(fixture.acquire());
  fixture.hop().hang_up_everywhere();
  fixture.run_for(7s);
  EXPECT_EQ(status(fixture).live, 0U);
  auto again = fixture.acquire();
  ASSERT_TRUE(again);
  EXPECT_EQ(fixture.pool().counters().opened, 2U);
  fixture.release(std::move(again));
}

// Also where the receive had ended on its own, as it may at any time.
TEST(PoolTest, NoticesThatAnIdleConnectionWasClosedInEveryWorld) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    sim::SimOptions options;
    options.early_end_percent = 50;
    Fixture fixture(seed, options);
    fixture.release(fixture.acquire());
    fixture.hop().hang_up_everywhere();
    fixture.run_for(8s);
    EXPECT_EQ(status(fixture).live, 0U) << seed;
  }
}

TEST(PoolTest, DoesNotReuseWhatSpokeUnasked) {
  Fixture fixture;
  fixture.release(fixture.acquire());
  fixture.hop().say_everywhere("421 4.4.2 idle for too long\r\n");
  fixture.run_for(100ms);
  auto again = fixture.acquire();
  ASSERT_TRUE(again);
  EXPECT_EQ(fixture.pool().counters().opened, 2U);
  fixture.release(std::move(again));
}

TEST(PoolTest, UsesAConnectionForSoManyMessages) {
  Fixture fixture;
  fixture.route.messages_per_connection_max = 2;
  for (int i = 0; i < 4; ++i) {
    Passing message(fixture);
    EXPECT_EQ(message.send("From: <ann@example.com>\r\n\r\nhello\r\n"), 250);
  }
  EXPECT_EQ(fixture.pool().counters().opened, 2U);
  EXPECT_THAT(fixture.hop().ledger, SizeIs(4));
}

// Also while one is lent, one is being opened and several wait.
TEST(PoolTest, StopRefusesWhoWaitsAndCloseWaitsForNobodyElse) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 2;
  auto lent = fixture.acquire();
  fixture.hop().add({.stage = HopStage::greeting, .stall = 10s});
  const auto opening = start(fixture);
  const auto waiting = start(fixture);
  fixture.run_for(1s);
  EXPECT_EQ(fixture.pool().counters().waiting, 1U);
  fixture.loop.post([&] { fixture.pool().stop(); });
  auto refused = waiting->wait();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reply.code(), 421);
  auto opened = opening->wait();
  if (opened) fixture.release(std::move(opened));
  fixture.release(std::move(lent));
  EXPECT_EQ(status(fixture).idle, 0U);
  fixture.close();
}

TEST(PoolTest, CloseSurvivesANextHopThatDoesNotAnswerQuit) {
  Fixture fixture;
  fixture.release(fixture.acquire());
  fixture.hop().add({.stage = HopStage::quit, .stall = 1h});
  const Instant before = fixture.loop.now();
  testing::await_done(fixture.platforms, fixture.loop, [&] { return fixture.pool().close(); });
  EXPECT_LE(fixture.loop.now() - before, 6s);
}

}  // namespace
}  // namespace sluice::relay
