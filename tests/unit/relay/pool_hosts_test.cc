// Which of a pool's hosts a connection goes to: by weight, by preference, and when the hosts are others.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

std::string host_of(Fixture& fixture, const hop::Pool::Acquired& acquired) {
  static_cast<void>(fixture);
  return acquired ? (*acquired)->connection().peer().ip() : acquired.error().detail;
}

int lend_many(Fixture& fixture, int count, bool keep) {
  std::vector<hop::Pool::Acquired> lent;
  int first = 0;
  for (int i = 0; i < count; ++i) {
    lent.push_back(fixture.acquire());
    if (host_of(fixture, lent.back()) == Fixture::kFirst) ++first;
    if (keep) continue;
    fixture.release(std::move(lent.back()));
    lent.pop_back();
  }
  for (auto& each : lent) fixture.release(std::move(each));
  return first;
}

TEST(PoolHostsTest, ConnectionsGoByWeight) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts[0].weight = 3;
  EXPECT_EQ(lend_many(fixture, 12, /*keep=*/true), 9);
}

// Also one after the other, when every connection is a kept one.
TEST(PoolHostsTest, KeptConnectionsAreUsedByWeight) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts[0].weight = 3;
  lend_many(fixture, 8, /*keep=*/true);
  const int first = lend_many(fixture, 40, /*keep=*/false);
  EXPECT_GE(first, 29);
  EXPECT_LE(first, 31);
}

// From the first one on: the connection that was opened first is not the only one for ever.
TEST(PoolHostsTest, AKeptConnectionDoesNotKeepAllFromTheOtherHost) {
  Fixture fixture(1, {}, 2);
  EXPECT_EQ(lend_many(fixture, 20, /*keep=*/false), 10);
  EXPECT_EQ(fixture.pool().counters().opened, 2U);
}

TEST(PoolHostsTest, AHigherPreferenceWaitsUntilTheLowerOnesAreDown) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts[0].preference = 10;
  fixture.route.hosts[1].preference = 20;
  fixture.route.connections_per_host_max = 4;
  EXPECT_EQ(lend_many(fixture, 4, /*keep=*/true), 4);
  EXPECT_EQ(fixture.hops[1]->accepted, 0U);
  fixture.hop().hang_up_everywhere();
  fixture.run_for(3s);
  fixture.platforms.world().set_reachable(Fixture::kFirst, false);
  auto acquired = fixture.acquire();
  EXPECT_EQ(host_of(fixture, acquired), Fixture::kSecond);
  fixture.release(std::move(acquired));
  fixture.platforms.world().set_reachable(Fixture::kFirst, true);
}

TEST(PoolHostsTest, AtItsLimitALowerOneIsWaitedFor) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts[1].preference = 20;
  fixture.route.connections_per_host_max = 1;
  fixture.route.connect_timeout = 5s;
  auto lent = fixture.acquire();
  EXPECT_FALSE(fixture.acquire());
  EXPECT_EQ(fixture.hops[1]->accepted, 0U);
  fixture.release(std::move(lent));
}

// Nobody waits for the test of a host that was down while another does the work.
TEST(PoolHostsTest, AHostThatRecoversIsFoundInTheBackground) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts[1].preference = 20;
  fixture.route.connect_timeout = 30s;
  fixture.hop().add({.stage = HopStage::greeting, .say = "421 busy\r\n", .hang_up = true});
  fixture.release(fixture.acquire());
  EXPECT_EQ(fixture.hops[1]->accepted, 1U);
  fixture.run_for(1100ms);
  fixture.hop().add({.stage = HopStage::greeting, .stall = 10s});
  const Instant before = fixture.loop.now();
  auto acquired = fixture.acquire();
  EXPECT_LE(fixture.loop.now() - before, 1s);
  EXPECT_EQ(host_of(fixture, acquired), Fixture::kSecond);
  fixture.release(std::move(acquired));
  fixture.run_for(15s);
  acquired = fixture.acquire();
  EXPECT_EQ(host_of(fixture, acquired), Fixture::kFirst);
  fixture.release(std::move(acquired));
}

TEST(PoolHostsTest, OnlyWhereNobodyIsUpIsItUnreachable) {
  Fixture fixture(1, {}, 2);
  for (const auto& hop : fixture.hops)
    hop->add({.stage = HopStage::greeting, .count = kAlways, .say = "421 busy\r\n", .hang_up = true});
  auto refused = fixture.acquire();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().unreachable);
}

// ------------------------------------------------------------------------------------------ hosts that change

hop::PoolHost host(const char* name, const char* ip) {
  return {.name = {.name = name, .port = 25}, .addresses = {*io::Address::from_ip(ip, 25)}};
}

struct Change {
  Fixture& fixture;
  void set(std::vector<hop::PoolHost> hosts) const {
    bool done = false;
    fixture.loop.post([&] {
      fixture.pool().set_hosts(std::move(hosts));
      done = true;
    });
    ASSERT_TRUE(fixture.platforms.run_until([&] { return done; }));
  }
};

TEST(PoolHostsTest, GivenAddressesAreNotLookedUp) {
  Fixture fixture;
  fixture.route.hosts.clear();
  Change{fixture}.set({host("mx.example.net", Fixture::kFirst)});
  auto acquired = fixture.acquire();
  ASSERT_TRUE(acquired);
  EXPECT_EQ((*acquired)->label(), "mx.example.net:25");
  fixture.release(std::move(acquired));
}

TEST(PoolHostsTest, ConnectionsOfVanishedHostsAreDrained) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts.clear();
  const Change change{fixture};
  change.set({host("one.example.net", Fixture::kFirst)});
  auto lent = fixture.acquire();
  fixture.release(fixture.acquire());
  EXPECT_EQ(fixture.hop().live(), 2U);
  change.set({host("two.example.net", Fixture::kSecond)});
  fixture.run_for(1s);
  EXPECT_EQ(fixture.hop().live(), 1U);  // the lent one
  auto other = fixture.acquire();
  EXPECT_EQ(host_of(fixture, other), Fixture::kSecond);
  fixture.release(std::move(lent));
  fixture.release(std::move(other));
  fixture.run_for(1s);
  EXPECT_EQ(fixture.hop().live(), 0U);
  ASSERT_EQ(fixture.pool().status().size(), 1U);
  EXPECT_EQ(fixture.pool().status().front().label, "two.example.net:25");
}

TEST(PoolHostsTest, AHostThatStaysKeepsItsConnections) {
  Fixture fixture(1, {}, 2);
  fixture.route.hosts.clear();
  const Change change{fixture};
  change.set({host("one.example.net", Fixture::kFirst)});
  fixture.release(fixture.acquire());
  change.set({host("two.example.net", Fixture::kSecond), host("one.example.net", Fixture::kFirst)});
  fixture.run_for(1s);
  EXPECT_EQ(fixture.hop().live(), 1U);
  EXPECT_EQ(fixture.pool().status().size(), 2U);
}

// The host goes while a connection to it is being opened, and while its test is under way.
TEST(PoolHostsTest, AHostMayVanishWhileItIsOpened) {
  for (const char* words : {"", "421 busy\r\n"}) {
    Fixture fixture(1, {}, 2);
    fixture.route.hosts.clear();
    const Change change{fixture};
    change.set({host("one.example.net", Fixture::kFirst)});
    fixture.hop().add({.stage = HopStage::greeting, .stall = 5s, .say = words});
    testing::Running<hop::Pool::Acquired> opening(fixture.platforms, fixture.loop,
                                                  [&] { return fixture.pool().acquire({}); });
    fixture.run_for(1s);
    change.set({host("two.example.net", Fixture::kSecond)});
    auto acquired = opening.wait();
    ASSERT_TRUE(acquired);
    EXPECT_EQ(host_of(fixture, acquired), *words == '\0' ? Fixture::kFirst : Fixture::kSecond);
    fixture.release(std::move(acquired));
    fixture.run_for(1s);
    EXPECT_EQ(fixture.pool().status().size(), 1U);
    EXPECT_EQ(fixture.hop().live(), 0U);
  }
}

TEST(PoolHostsTest, NoHostsIsUnreachable) {
  Fixture fixture;
  fixture.route.hosts.clear();
  auto refused = fixture.acquire();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().unreachable);
}

}  // namespace
}  // namespace sluice::relay
