// The pool: kept connections, the limit for each host, who has to wait and for how long, hosts that fail.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Waiting = testing::Running<hop::Pool::Acquired>;

std::unique_ptr<Waiting> start(Bench& bench) {
  return std::make_unique<Waiting>(bench.platforms, bench.loop, [&bench] { return bench.pool().acquire({}); });
}

hop::HostStatus status(Bench& bench, std::size_t host = 0) { return bench.pool().status().at(host); }

TEST(PoolTest, KeepsNoMoreThanTheLimitForAHostAndLetsTheRestWait) {
  Bench bench;
  bench.route.connections_per_host_max = 3;
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 10; ++i) all.push_back(start(bench));
  bench.run_for(1s);
  EXPECT_EQ(bench.hop().live(), 3U);
  EXPECT_EQ(bench.pool().waiting(), 7U);
  EXPECT_EQ(bench.pool().counters().waited, 7U);
  int served = 0;
  while (!all.empty()) {
    const auto it = std::ranges::find_if(all, [](const auto& each) { return each->done(); });
    ASSERT_NE(it, all.end());
    auto acquired = (*it)->wait();
    ASSERT_TRUE(acquired);
    all.erase(it);
    bench.release(std::move(acquired));
    bench.run_for(100ms);
    ++served;
  }
  EXPECT_EQ(served, 10);
  EXPECT_EQ(bench.hop().live_max, 3U);
  EXPECT_EQ(bench.pool().counters().opened, 3U);
}

TEST(PoolTest, RefusesWhoWaitsTooLong) {
  Bench bench;
  bench.route.connections_per_host_max = 1;
  bench.route.connect_timeout = 20s;
  auto first = bench.acquire();
  const Instant before = bench.loop.now();
  auto second = bench.acquire();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().detail, HasSubstr("in use"));
  EXPECT_EQ(second.error().reply.code(), 451);
  EXPECT_LE(bench.loop.now() - before, 21s);
  EXPECT_EQ(bench.pool().waiting(), 0U);
  EXPECT_EQ(bench.pool().counters().refused, 1U);
  bench.release(std::move(first));
}

TEST(PoolTest, RefusesAtOnceWhenTooManyWait) {
  Bench bench;
  bench.route.connections_per_host_max = 1;
  bench.route.waiting_max = 2;
  auto first = bench.acquire();
  const auto second = start(bench);
  const auto third = start(bench);
  bench.run_for(10ms);
  const Instant before = bench.loop.now();
  auto fourth = bench.acquire();
  ASSERT_FALSE(fourth);
  EXPECT_EQ(bench.loop.now(), before);
  bench.release(std::move(first));
  bench.release(second->wait());
  bench.release(third->wait());
}

// A session that gives a connection back and asks again in the same breath must not get it before those who wait.
TEST(PoolTest, WhoComesLaterDoesNotOvertakeWhoWaits) {
  Bench bench;
  bench.route.connections_per_host_max = 1;
  auto first = bench.acquire();
  const auto waiting = start(bench);
  bench.run_for(1s);
  auto hop = *std::move(first);
  std::unique_ptr<Waiting> greedy;
  testing::await<int>(bench.platforms, bench.loop, [&]() -> Task<int> {
    struct Steps {
      static Task<int> go(Bench& bench, std::unique_ptr<hop::NextHop>& hop, std::unique_ptr<Waiting>& greedy) {
        bench.pool().release(std::move(hop));
        greedy = start(bench);
        co_return 0;
      }
    };
    return Steps::go(bench, hop, greedy);
  });
  bench.run_for(1s);
  EXPECT_TRUE(waiting->done());
  EXPECT_FALSE(greedy->done());
  bench.release(waiting->wait());
  bench.release(greedy->wait());
}

// Its turn comes in the very turn of the loop in which its time is up.
TEST(PoolTest, AWaiterWhoseTimeIsUpLosesNoTurnToTheOthers) {
  for (int step = 0; step < 20; ++step) {
    Bench bench;
    bench.route.connections_per_host_max = 1;
    bench.route.connect_timeout = 1s;
    auto first = bench.acquire();
    const auto early = start(bench);
    bench.run_for(500ms);
    const auto late = start(bench);
    auto hop = *std::move(first);
    bench.platforms.world().after(500ms + step * 50us - 500us,
                                  [&] { bench.loop.post([&] { bench.pool().release(std::move(hop)); }); });
    bench.run_for(600ms);
    // One of them has it, and the other one's time is up or it still waits for that one.
    EXPECT_TRUE(early->done()) << step;
    if (auto got = early->wait(); got) bench.release(std::move(got));
    bench.run_for(100ms);
    ASSERT_TRUE(late->done()) << step;
    bench.release(late->wait());
  }
}

TEST(PoolTest, LeavesAHostAloneThatFailsAndThenTriesItOnce) {
  Bench bench;
  bench.hop().add({.stage = HopStage::greeting, .count = 3, .say = "421 4.3.2 too busy\r\n", .hang_up = true});
  ASSERT_FALSE(bench.acquire());
  EXPECT_EQ(bench.hop().accepted, 1U);
  EXPECT_EQ(status(bench).failures, 1U);
  EXPECT_THAT(status(bench).last_trouble, HasSubstr("421"));
  // Within a second nobody tries.
  for (int i = 0; i < 5; ++i) {
    auto refused = bench.acquire();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr("421"));
  }
  EXPECT_EQ(bench.hop().accepted, 1U);
  bench.run_for(1100ms);
  // Then one does, and the others wait for what it finds out.
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 5; ++i) all.push_back(start(bench));
  bench.run_for(500ms);
  EXPECT_EQ(bench.hop().accepted, 2U);
  for (const auto& each : all) EXPECT_FALSE(each->wait());
  EXPECT_EQ(status(bench).failures, 2U);
  bench.run_for(1100ms);  // two seconds this time
  EXPECT_FALSE(bench.acquire());
  EXPECT_EQ(bench.hop().accepted, 2U);
  bench.run_for(1100ms);
  EXPECT_FALSE(bench.acquire());
  EXPECT_EQ(bench.hop().accepted, 3U);
  bench.run_for(5s);
  auto fine = bench.acquire();
  ASSERT_TRUE(fine);
  EXPECT_EQ(status(bench).failures, 0U);
  EXPECT_EQ(status(bench).last_trouble, "");
  bench.release(std::move(fine));
}

TEST(PoolTest, WhoWaitsForAProbeGoesOnWhenItSucceeds) {
  Bench bench;
  bench.hop().add({.stage = HopStage::greeting, .say = "421 busy\r\n", .hang_up = true});
  ASSERT_FALSE(bench.acquire());
  bench.run_for(1100ms);
  bench.hop().add({.stage = HopStage::greeting, .stall = 2s});
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 5; ++i) all.push_back(start(bench));
  bench.run_for(1s);
  EXPECT_EQ(bench.hop().live(), 1U);
  for (const auto& each : all) {
    auto acquired = each->wait();
    ASSERT_TRUE(acquired);
    bench.release(std::move(acquired));
  }
}

TEST(PoolTest, GoesToAnotherHostWhenOneFails) {
  Bench bench(1, {}, 2);
  bench.hop().add({.stage = HopStage::greeting, .count = kAlways, .hang_up = true});
  for (int i = 0; i < 5; ++i) {
    auto acquired = bench.acquire();
    ASSERT_TRUE(acquired);
    EXPECT_EQ((*acquired)->label(), std::string(Bench::kSecond) + ":25");
    bench.release(std::move(acquired));
  }
  EXPECT_EQ(bench.hop().accepted, 1U);
}

TEST(PoolTest, SpreadsOverTheHosts) {
  Bench bench(1, {}, 2);
  std::vector<hop::Pool::Acquired> lent;
  for (int i = 0; i < 6; ++i) lent.push_back(bench.acquire());
  EXPECT_EQ(bench.hops[0]->live(), 3U);
  EXPECT_EQ(bench.hops[1]->live(), 3U);
  for (auto& each : lent) bench.release(std::move(each));
}

TEST(PoolTest, TriesAllAddressesOfAHost) {
  Bench bench(1, {}, 0);
  bench.platforms.world().names().add("mx.example.net", "192.0.2.99");
  bench.platforms.world().names().add("mx.example.net", Bench::kFirst);
  bench.add_hop(Bench::kFirst);
  bench.route.hosts = {{.name = "mx.example.net", .port = 25}};
  auto acquired = bench.acquire();
  ASSERT_TRUE(acquired);
  EXPECT_EQ((*acquired)->connection().peer().ip(), Bench::kFirst);
  bench.release(std::move(acquired));
}

TEST(PoolTest, AnUnknownNameIsTrouble) {
  Bench bench;
  bench.route.hosts = {{.name = "nowhere.example.net", .port = 25}};
  auto acquired = bench.acquire();
  ASSERT_FALSE(acquired);
  EXPECT_THAT(acquired.error().detail, HasSubstr("nowhere.example.net"));
}

TEST(PoolTest, ClosesWhatNobodyUsesAndSaysQuit) {
  Bench bench;
  bench.route.idle_timeout = 60s;
  bench.release(bench.acquire());
  bench.run_for(50s);
  EXPECT_EQ(bench.hop().live(), 1U);
  bench.run_for(15s);
  EXPECT_EQ(bench.hop().live(), 0U);
  EXPECT_THAT(bench.hop().commands, ::testing::Contains("QUIT"));
  EXPECT_EQ(status(bench).live, 0U);
  EXPECT_EQ(status(bench).idle, 0U);
}

TEST(PoolTest, DropsWhatTheNextHopHasClosed) {
  Bench bench;
  bench.release(bench.acquire());
  bench.hop().hang_up_everywhere();
  bench.run_for(3s);
  EXPECT_EQ(status(bench).live, 0U);
  auto again = bench.acquire();
  ASSERT_TRUE(again);
  EXPECT_EQ(bench.pool().counters().opened, 2U);
  bench.release(std::move(again));
}

// Also where the receive had ended on its own, as it may at any time.
TEST(PoolTest, NoticesThatAnIdleConnectionWasClosedInEveryWorld) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    sim::SimOptions options;
    options.early_end_percent = 50;
    Bench bench(seed, options);
    bench.release(bench.acquire());
    bench.hop().hang_up_everywhere();
    bench.run_for(4s);
    EXPECT_EQ(status(bench).live, 0U) << seed;
  }
}

TEST(PoolTest, DoesNotReuseWhatSpokeUnasked) {
  Bench bench;
  bench.release(bench.acquire());
  bench.hop().say_everywhere("421 4.4.2 idle for too long\r\n");
  bench.run_for(100ms);
  auto again = bench.acquire();
  ASSERT_TRUE(again);
  EXPECT_EQ(bench.pool().counters().opened, 2U);
  bench.release(std::move(again));
}

TEST(PoolTest, UsesAConnectionForSoManyMessages) {
  Bench bench;
  bench.route.messages_per_connection_max = 2;
  for (int i = 0; i < 4; ++i) {
    Passing message(bench);
    EXPECT_EQ(message.send("From: <ann@example.com>\r\n\r\nhello\r\n"), 250);
  }
  EXPECT_EQ(bench.pool().counters().opened, 2U);
  EXPECT_THAT(bench.hop().ledger, SizeIs(4));
}

// Also while one is lent, one is being opened and several wait.
TEST(PoolTest, StopRefusesWhoWaitsAndCloseWaitsForNobodyElse) {
  Bench bench;
  bench.route.connections_per_host_max = 2;
  auto lent = bench.acquire();
  bench.hop().add({.stage = HopStage::greeting, .stall = 10s});
  const auto opening = start(bench);
  const auto waiting = start(bench);
  bench.run_for(1s);
  EXPECT_EQ(bench.pool().waiting(), 1U);
  bench.loop.post([&] { bench.pool().stop(); });
  auto refused = waiting->wait();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reply.code(), 421);
  auto opened = opening->wait();
  if (opened) bench.release(std::move(opened));
  bench.release(std::move(lent));
  EXPECT_EQ(status(bench).idle, 0U);
  bench.close();
}

TEST(PoolTest, CloseSurvivesANextHopThatDoesNotAnswerQuit) {
  Bench bench;
  bench.release(bench.acquire());
  bench.hop().add({.stage = HopStage::quit, .stall = 1h});
  const Instant before = bench.loop.now();
  testing::await_done(bench.platforms, bench.loop, [&] { return bench.pool().close(); });
  EXPECT_LE(bench.loop.now() - before, 6s);
}

}  // namespace
}  // namespace sluice::relay
