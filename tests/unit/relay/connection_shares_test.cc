// What one customer may have of the connections to next hops while another one waits: of a pool, and of a core.
#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {
namespace {

using Waiting = testing::Running<hop::Pool::Acquired>;

// Several pools, each to a host of its own, that share what the core may have open.
class Connections {
 public:
  Connections(std::uint32_t of_core, int pools)
      : core(of_core, [this](std::uint32_t most) { refusals.push_back(most); }),
        routes_(static_cast<std::size_t>(pools)) {
    for (int i = 0; i < pools; ++i) {
      const std::string ip = "192.0.2." + std::to_string(100 + i);
      route::Route& route = routes_[static_cast<std::size_t>(i)];
      route.name = ip;
      route.tls = route::RouteTls::none;
      route.connect_timeout = 600s;
      fixture.add_hop(ip.c_str());
      route.hosts.push_back(fixture.route.hosts.back());
      const hop::Pool::Parts parts{
          fixture.loop,    fixture.pool_parts().resolver, fixture.pool_parts().dialer, core, fixture.memory,
          fixture.counters};
      pools_.push_back(std::make_unique<hop::Pool>(parts, route, "relay.example", nullptr));
    }
  }
  ~Connections() {
    for (const auto& pool : pools_) testing::await_done(fixture.platforms, fixture.loop, [&] { return pool->close(); });
    EXPECT_EQ(core.used(), 0U);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  route::Route& route(int number) { return routes_[static_cast<std::size_t>(number)]; }
  hop::Pool& pool(int number) { return *pools_[static_cast<std::size_t>(number)]; }
  std::unique_ptr<Waiting> start(int number, const hop::Pool::Want& want) {
    auto waiting = std::make_unique<Waiting>(fixture.platforms, fixture.loop,
                                             [this, number, want] { return pool(number).acquire(want); });
    fixture.run_for(100ms);
    return waiting;
  }
  std::unique_ptr<Waiting> start(int number, std::string_view customer, ShareWeight weight = 1) {
    return start(number, {.customer = customer, .weight = weight});
  }
  hop::Pool::Acquired get(int number, std::string_view customer) {
    auto acquired = start(number, customer)->wait();
    EXPECT_TRUE(acquired) << acquired.error().detail;
    return acquired;
  }
  // `kept`: it can be used again.
  void release(int number, hop::Pool::Acquired acquired, bool kept = true) {
    fixture.loop.post([&] {
      if (!kept) (*acquired)->give_up();
      pool(number).release(*std::move(acquired));
    });
    fixture.run_for(100ms);
  }

  Fixture fixture{1, {}, 0};
  std::vector<std::uint32_t> refusals;  // of the core: how many it may have
  hop::ConnectionBudget core;

 private:
  std::vector<route::Route> routes_;
  std::vector<std::unique_ptr<hop::Pool>> pools_;
};

std::size_t served(const std::vector<std::unique_ptr<Waiting>>& all) {
  return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& each) { return each->done(); }));
}

TEST(ConnectionSharesTest, OneMessageIsNotBehindTheLongSessionsOfAnotherCustomer) {
  Connections of(100, 1);
  of.route(0).connections_per_host_max = 20;
  std::vector<hop::Pool::Acquired> held;
  for (int i = 0; i < 20; ++i) held.push_back(of.get(0, "greedy"));
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 20; ++i) greedy.push_back(of.start(0, "greedy"));
  const auto other = of.start(0, "other");
  EXPECT_FALSE(other->done());
  of.release(0, std::move(held.back()));
  held.pop_back();
  EXPECT_TRUE(other->done());
  EXPECT_EQ(served(greedy), 0U);
  // And where that one wants no more, all of them are the first customer's.
  of.release(0, other->wait());
  EXPECT_EQ(served(greedy), 1U);
  for (auto& each : held) of.release(0, std::move(each));
  EXPECT_EQ(served(greedy), 20U);
  for (auto& each : greedy) of.release(0, each->wait());
}

// One whose connections were slow to open got each that came free.
TEST(ConnectionSharesTest, AConnectionThatIsBeingOpenedIsItsCustomersAlready) {
  Connections of(100, 1);
  of.route(0).connections_per_host_max = 3;
  auto modest = of.get(0, "modest");
  auto first = of.get(0, "third");
  auto second = of.get(0, "third");
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 3; ++i) greedy.push_back(of.start(0, "greedy"));
  const auto waiting = of.start(0, "modest");
  of.fixture.hop().add({.stage = HopStage::greeting, .stall = 60s});
  of.release(0, std::move(first), /*kept=*/false);
  EXPECT_EQ(of.fixture.counters.waiting, 3U) << "one of the greedy customer's is being opened";
  EXPECT_EQ(served(greedy), 0U);
  of.release(0, std::move(second), /*kept=*/false);
  EXPECT_TRUE(waiting->done()) << "both had one";
  EXPECT_EQ(served(greedy), 0U);
  of.release(0, std::move(modest));
  of.release(0, waiting->wait());
  of.fixture.run_for(600s);
  for (auto& each : greedy)
    if (auto acquired = each->wait()) of.release(0, std::move(acquired));
}

TEST(ConnectionSharesTest, ThoseOfTheCoreAreSharedByWeight) {
  Connections of(8, 3);
  std::vector<hop::Pool::Acquired> held;
  for (int i = 0; i < 8; ++i) held.push_back(of.get(0, "first"));
  std::vector<std::unique_ptr<Waiting>> light;
  std::vector<std::unique_ptr<Waiting>> heavy;
  for (int i = 0; i < 10; ++i) {
    light.push_back(of.start(1, "light"));
    heavy.push_back(of.start(2, "heavy", 3));
  }
  for (auto& each : held) of.release(0, std::move(each), /*kept=*/false);
  EXPECT_EQ(served(heavy), 6U);
  EXPECT_EQ(served(light), 2U);
  for (auto& each : heavy) of.release(2, each->wait(), /*kept=*/false);
  for (auto& each : light) of.release(1, each->wait(), /*kept=*/false);
}

// Destinations were served in the order in which they asked.
TEST(ConnectionSharesTest, ManyDestinationsOfOneCustomerAreNotBeforeTheOneOfAnother) {
  Connections of(4, 13);
  std::vector<hop::Pool::Acquired> held;
  for (int i = 0; i < 4; ++i) held.push_back(of.get(i, "greedy"));
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 4; i < 12; ++i) greedy.push_back(of.start(i, "greedy"));
  const auto other = of.start(12, "other");
  const auto next = of.start(12, "other");
  // Idle ones go, so each that is released is one that another pool may open.
  of.release(0, std::move(held[0]));
  EXPECT_TRUE(other->done());
  of.release(1, std::move(held[1]));
  EXPECT_TRUE(next->done());
  EXPECT_EQ(served(greedy), 0U);
  of.release(2, std::move(held[2]));
  EXPECT_EQ(served(greedy), 1U) << "both have two";
  of.release(3, std::move(held[3]));
  of.release(12, other->wait());
  of.release(12, next->wait());
  for (int i = 4; i < 12; ++i) of.release(i, greedy[static_cast<std::size_t>(i - 4)]->wait());
}

// Its own waiters took each connection that came free there, though another customer waited for one of the core.
TEST(ConnectionSharesTest, APoolThatIsBusyWithOneCustomerYieldsToAnothersPool) {
  Connections of(2, 2);
  auto first = of.get(0, "greedy");
  auto second = of.get(0, "greedy");
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 3; ++i) greedy.push_back(of.start(0, "greedy"));
  const auto other = of.start(1, "other");
  of.release(0, std::move(first));
  EXPECT_TRUE(other->done());
  EXPECT_EQ(served(greedy), 0U);
  const auto next = of.start(1, "other");
  of.release(0, std::move(second));
  EXPECT_EQ(served(greedy), 1U) << "the other has one";
  EXPECT_FALSE(next->done());
  of.release(1, other->wait());
  for (auto& each : greedy) of.release(0, each->wait());
  of.release(1, next->wait());
}

// A pool was called once for all that waited there: what came free later stayed unused.
TEST(ConnectionSharesTest, WhatTheCoreHasFreeIsUsedWhileThereAreWaiters) {
  Connections of(3, 2);
  std::vector<hop::Pool::Acquired> held;
  for (int i = 0; i < 3; ++i) held.push_back(of.get(0, "first"));
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(of.start(1, "second"));
  for (std::size_t i = 0; i < 3; ++i) {
    of.release(0, std::move(held[i]));
    EXPECT_EQ(served(waiting), i + 1);
  }
  EXPECT_EQ(of.core.used(), 3U);
  for (auto& each : waiting) of.release(1, each->wait());
}

// They were behind smaller ones at each pool alone: where the core had no more connections, a pool with large ones had
// its turns as any other.
TEST(ConnectionSharesTest, LargeMessagesOfAPoolGoBehindTheSmallerOnesOfOthers) {
  Connections of(1, 3);
  auto held = of.get(0, "first");
  std::vector<std::pair<char, std::unique_ptr<Waiting>>> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back('L', of.start(1, {.customer = "large", .large = true}));
  for (int i = 0; i < 10; ++i) waiting.emplace_back('s', of.start(2, "small"));
  std::string order;
  of.release(0, std::move(held), /*kept=*/false);
  while (!waiting.empty()) {
    const auto next = std::ranges::find_if(waiting, [](const auto& each) { return each.second->done(); });
    ASSERT_NE(next, waiting.end()) << order;
    order += next->first;
    const auto done = std::move(next->second);
    const int pool = next->first == 'L' ? 1 : 2;
    waiting.erase(next);
    of.release(pool, done->wait(), /*kept=*/false);
  }
  EXPECT_EQ(order, "sssssssLsssLL");
}

TEST(ConnectionSharesTest, ThatTheCoreHasNoMoreIsSaid) {
  Connections of(1, 2);
  auto held = of.get(0, "first");
  EXPECT_THAT(of.refusals, ::testing::IsEmpty());
  const auto waiting = of.start(1, "second");
  EXPECT_THAT(of.refusals, ::testing::ElementsAre(1U));
  of.release(0, std::move(held));
  of.release(1, waiting->wait());
}

TEST(ConnectionSharesTest, AHigherBoundIsUsedAtOnce) {
  Connections of(1, 2);
  auto held = of.get(0, "first");
  const auto waiting = of.start(1, "second");
  EXPECT_FALSE(waiting->done());
  of.fixture.loop.post([&] { of.core.set_most(2); });
  of.fixture.run_for(100ms);
  EXPECT_TRUE(waiting->done());
  of.release(0, std::move(held));
  of.release(1, waiting->wait());
}

TEST(ConnectionSharesTest, APromiseOfTheCoreThatIsNotUsedGoesToTheNextPool) {
  Connections of(2, 3);
  of.route(1).connections_per_host_max = 1;
  auto first = of.get(0, "first");
  auto second = of.get(1, "second");
  const auto local = of.start(1, "second");   // its host has all that it may have
  const auto waiting = of.start(2, "third");  // the core has
  of.release(1, std::move(second));
  EXPECT_TRUE(local->done()) << "the kept one";
  EXPECT_FALSE(waiting->done());
  of.release(0, std::move(first));
  EXPECT_TRUE(waiting->done());
  of.release(1, local->wait());
  of.release(2, waiting->wait());
}

}  // namespace
}  // namespace sluice::relay
