// Which of a pool's hosts a connection goes to: by weight, by preference, and when the hosts are others.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

std::string host_of(Bench& bench, const hop::Pool::Acquired& acquired) {
  static_cast<void>(bench);
  return acquired ? (*acquired)->connection().peer().ip() : acquired.error().detail;
}

int lend_many(Bench& bench, int count, bool keep) {
  std::vector<hop::Pool::Acquired> lent;
  int first = 0;
  for (int i = 0; i < count; ++i) {
    lent.push_back(bench.acquire());
    if (host_of(bench, lent.back()) == Bench::kFirst) ++first;
    if (keep) continue;
    bench.release(std::move(lent.back()));
    lent.pop_back();
  }
  for (auto& each : lent) bench.release(std::move(each));
  return first;
}

TEST(PoolHostsTest, ConnectionsGoByWeight) {
  Bench bench(1, {}, 2);
  bench.route.hosts[0].weight = 3;
  EXPECT_EQ(lend_many(bench, 12, /*keep=*/true), 9);
}

// Also one after the other, when every connection is a kept one.
TEST(PoolHostsTest, KeptConnectionsAreUsedByWeight) {
  Bench bench(1, {}, 2);
  bench.route.hosts[0].weight = 3;
  lend_many(bench, 8, /*keep=*/true);
  const int first = lend_many(bench, 40, /*keep=*/false);
  EXPECT_GE(first, 29);
  EXPECT_LE(first, 31);
}

// From the first one on: the connection that was opened first is not the only one for ever.
TEST(PoolHostsTest, AKeptConnectionDoesNotKeepAllFromTheOtherHost) {
  Bench bench(1, {}, 2);
  EXPECT_EQ(lend_many(bench, 20, /*keep=*/false), 10);
  EXPECT_EQ(bench.pool().counters().opened, 2U);
}

TEST(PoolHostsTest, AHigherPreferenceWaitsUntilTheLowerOnesAreDown) {
  Bench bench(1, {}, 2);
  bench.route.hosts[0].preference = 10;
  bench.route.hosts[1].preference = 20;
  bench.route.connections_per_host_max = 4;
  EXPECT_EQ(lend_many(bench, 4, /*keep=*/true), 4);
  EXPECT_EQ(bench.hops[1]->accepted, 0U);
  bench.hop().hang_up_everywhere();
  bench.run_for(3s);
  bench.platforms.world().set_reachable(Bench::kFirst, false);
  auto acquired = bench.acquire();
  EXPECT_EQ(host_of(bench, acquired), Bench::kSecond);
  bench.release(std::move(acquired));
  bench.platforms.world().set_reachable(Bench::kFirst, true);
}

TEST(PoolHostsTest, AtItsLimitALowerOneIsWaitedFor) {
  Bench bench(1, {}, 2);
  bench.route.hosts[1].preference = 20;
  bench.route.connections_per_host_max = 1;
  bench.route.connect_timeout = 5s;
  auto lent = bench.acquire();
  EXPECT_FALSE(bench.acquire());
  EXPECT_EQ(bench.hops[1]->accepted, 0U);
  bench.release(std::move(lent));
}

// Nobody waits for the test of a host that was down while another does the work.
TEST(PoolHostsTest, AHostThatRecoversIsFoundInTheBackground) {
  Bench bench(1, {}, 2);
  bench.route.hosts[1].preference = 20;
  bench.route.connect_timeout = 30s;
  bench.hop().add({.stage = HopStage::greeting, .say = "421 busy\r\n", .hang_up = true});
  bench.release(bench.acquire());
  EXPECT_EQ(bench.hops[1]->accepted, 1U);
  bench.run_for(1100ms);
  bench.hop().add({.stage = HopStage::greeting, .stall = 10s});
  const Instant before = bench.loop.now();
  auto acquired = bench.acquire();
  EXPECT_LE(bench.loop.now() - before, 1s);
  EXPECT_EQ(host_of(bench, acquired), Bench::kSecond);
  bench.release(std::move(acquired));
  bench.run_for(15s);
  acquired = bench.acquire();
  EXPECT_EQ(host_of(bench, acquired), Bench::kFirst);
  bench.release(std::move(acquired));
}

TEST(PoolHostsTest, OnlyWhereNobodyIsUpIsItUnreachable) {
  Bench bench(1, {}, 2);
  for (const auto& hop : bench.hops)
    hop->add({.stage = HopStage::greeting, .count = kAlways, .say = "421 busy\r\n", .hang_up = true});
  auto refused = bench.acquire();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().unreachable);
}

// ------------------------------------------------------------------------------------------ hosts that change

hop::PoolHost host(const char* name, const char* ip) {
  return {.name = {.name = name, .port = 25}, .addresses = {*io::Address::from_ip(ip, 25)}};
}

struct Change {
  Bench& bench;
  void set(std::vector<hop::PoolHost> hosts) const {
    bool done = false;
    bench.loop.post([&] {
      bench.pool().set_hosts(std::move(hosts));
      done = true;
    });
    ASSERT_TRUE(bench.platforms.run_until([&] { return done; }));
  }
};

TEST(PoolHostsTest, GivenAddressesAreNotLookedUp) {
  Bench bench;
  bench.route.hosts.clear();
  Change{bench}.set({host("mx.example.net", Bench::kFirst)});
  auto acquired = bench.acquire();
  ASSERT_TRUE(acquired);
  EXPECT_EQ((*acquired)->label(), "mx.example.net:25");
  bench.release(std::move(acquired));
}

TEST(PoolHostsTest, ConnectionsOfVanishedHostsAreDrained) {
  Bench bench(1, {}, 2);
  bench.route.hosts.clear();
  const Change change{bench};
  change.set({host("one.example.net", Bench::kFirst)});
  auto lent = bench.acquire();
  bench.release(bench.acquire());
  EXPECT_EQ(bench.hop().live(), 2U);
  change.set({host("two.example.net", Bench::kSecond)});
  bench.run_for(1s);
  EXPECT_EQ(bench.hop().live(), 1U);  // the lent one
  auto other = bench.acquire();
  EXPECT_EQ(host_of(bench, other), Bench::kSecond);
  bench.release(std::move(lent));
  bench.release(std::move(other));
  bench.run_for(1s);
  EXPECT_EQ(bench.hop().live(), 0U);
  ASSERT_EQ(bench.pool().status().size(), 1U);
  EXPECT_EQ(bench.pool().status().front().label, "two.example.net:25");
}

TEST(PoolHostsTest, AHostThatStaysKeepsItsConnections) {
  Bench bench(1, {}, 2);
  bench.route.hosts.clear();
  const Change change{bench};
  change.set({host("one.example.net", Bench::kFirst)});
  bench.release(bench.acquire());
  change.set({host("two.example.net", Bench::kSecond), host("one.example.net", Bench::kFirst)});
  bench.run_for(1s);
  EXPECT_EQ(bench.hop().live(), 1U);
  EXPECT_EQ(bench.pool().status().size(), 2U);
}

// The host goes while a connection to it is being opened, and while its test is under way.
TEST(PoolHostsTest, AHostMayVanishWhileItIsOpened) {
  for (const char* words : {"", "421 busy\r\n"}) {
    Bench bench(1, {}, 2);
    bench.route.hosts.clear();
    const Change change{bench};
    change.set({host("one.example.net", Bench::kFirst)});
    bench.hop().add({.stage = HopStage::greeting, .stall = 5s, .say = words});
    testing::Running<hop::Pool::Acquired> opening(bench.platforms, bench.loop,
                                                  [&] { return bench.pool().acquire({}); });
    bench.run_for(1s);
    change.set({host("two.example.net", Bench::kSecond)});
    auto acquired = opening.wait();
    ASSERT_TRUE(acquired);
    EXPECT_EQ(host_of(bench, acquired), *words == '\0' ? Bench::kFirst : Bench::kSecond);
    bench.release(std::move(acquired));
    bench.run_for(1s);
    EXPECT_EQ(bench.pool().status().size(), 1U);
    EXPECT_EQ(bench.hop().live(), 0U);
  }
}

TEST(PoolHostsTest, NoHostsIsUnreachable) {
  Bench bench;
  bench.route.hosts.clear();
  auto refused = bench.acquire();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().unreachable);
}

}  // namespace
}  // namespace sluice::relay
