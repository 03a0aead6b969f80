// Who gets a pool's connections when there are not enough: customers in turns, and no message whose sender is slow.
#include <cerrno>

#include "engine/base/task.h"
#include "tests/unit/relay/queue_fixture.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;
using Waiting = testing::Running<hop::Pool::Acquired>;

std::unique_ptr<Waiting> start(Fixture& fixture, const hop::Pool::Want& want) {
  return std::make_unique<Waiting>(fixture.platforms, fixture.loop,
                                   [&fixture, want] { return fixture.pool().acquire(want); });
}
std::unique_ptr<Waiting> start(Fixture& fixture, std::string_view customer, bool large = false) {
  return start(fixture, {.customer = customer, .large = large});
}

// In whose turns of the core what is said on a connection that was lent to `customer` is gone on with.
Task<CustomerShare> share_of_replies(hop::Pool& pool, std::string_view customer, ShareWeight weight = 1) {
  auto acquired = co_await pool.acquire({.customer = customer, .weight = weight});
  const auto failed = co_await (*acquired)->reset(10s);
  EXPECT_FALSE(failed);
  const CustomerShare share = running_share;
  pool.release(*std::move(acquired));
  co_return share;
}

TEST(PoolSharesTest, AConnectionIsInTheTurnsOfTheCustomerThatHasItNow) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  for (const char* customer : {"greedy", "modest"})
    EXPECT_EQ(testing::await<CustomerShare>(fixture.platforms, fixture.loop,
                                            [&] { return share_of_replies(fixture.pool(), customer); }),
              customer_share(customer));
  EXPECT_EQ(fixture.pool().counters().opened, 1U);
}

using Named = std::pair<std::string, std::unique_ptr<Waiting>>;

// In which order they get the one connection there is, which is `held` now.
std::vector<std::string> order_of(Fixture& fixture, hop::Pool::Acquired held, std::vector<Named> waiting) {
  std::vector<std::string> order;
  fixture.run_for(100ms);
  while (!waiting.empty()) {
    fixture.release(std::move(held));
    fixture.run_for(100ms);
    const auto at = std::ranges::find_if(waiting, [](const Named& each) { return each.second->done(); });
    if (at == waiting.end()) {
      ADD_FAILURE() << "none was served";
      return order;
    }
    order.push_back(at->first);
    held = at->second->wait();
    waiting.erase(at);
  }
  fixture.release(std::move(held));
  return order;
}

TEST(PoolSharesTest, TheNextConnectionGoesToTheCustomerWithTheFewest) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 2;
  auto first = start(fixture, "greedy")->wait();
  auto second = start(fixture, "greedy")->wait();
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 10; ++i) greedy.push_back(start(fixture, "greedy"));
  fixture.run_for(1s);
  const auto other = start(fixture, "modest");
  fixture.run_for(1s);
  fixture.release(std::move(first));
  fixture.run_for(1s);
  EXPECT_TRUE(other->done());
  EXPECT_FALSE(greedy.front()->done());
  fixture.release(std::move(second));
  fixture.run_for(1s);
  EXPECT_TRUE(greedy.front()->done()) << "both have one";
  fixture.release(other->wait());
  for (auto& each : greedy) fixture.release(each->wait());
}

// Also if that one was served last.
TEST(PoolSharesTest, WhoHasNoConnectionComesBeforeWhoHasOneForLong) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 3;
  auto old = start(fixture, "greedy")->wait();
  auto second = start(fixture, "third")->wait();
  auto returned = start(fixture, "modest")->wait();
  fixture.release(std::move(returned));
  auto blocker = start(fixture, "fourth")->wait();
  const auto greedy = start(fixture, "greedy");
  const auto modest = start(fixture, "modest");
  fixture.run_for(1s);
  fixture.release(std::move(second));
  fixture.run_for(1s);
  EXPECT_TRUE(modest->done());
  EXPECT_FALSE(greedy->done());
  fixture.release(std::move(old));
  fixture.release(std::move(blocker));
  fixture.release(modest->wait());
  fixture.release(greedy->wait());
}

TEST(PoolSharesTest, CustomersThatWaitTakeTurns) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  auto held = start(fixture, "first")->wait();
  std::vector<Named> waiting;
  for (const char* customer : {"a", "a", "a", "b", "b", "c"}) waiting.emplace_back(customer, start(fixture, customer));
  EXPECT_THAT(order_of(fixture, std::move(held), std::move(waiting)),
              ::testing::ElementsAre("a", "b", "c", "a", "b", "a"));
}

// As many for each as it weighs, whatever number of messages wait.
TEST(PoolSharesTest, CustomersHaveConnectionsByWeight) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 8;
  std::vector<hop::Pool::Acquired> first;
  for (int i = 0; i < 8; ++i) first.push_back(start(fixture, "first")->wait());
  std::vector<std::unique_ptr<Waiting>> heavy;
  std::vector<std::unique_ptr<Waiting>> light;
  for (int i = 0; i < 20; ++i) {
    light.push_back(start(fixture, "light"));
    heavy.push_back(start(fixture, {.customer = "heavy", .weight = 3}));
  }
  fixture.run_for(100ms);
  for (auto& each : first) fixture.release(std::move(each));
  fixture.run_for(100ms);
  const auto done = [](const auto& all) {
    return std::ranges::count_if(all, [](const auto& each) { return each->done(); });
  };
  EXPECT_EQ(done(heavy), 6);
  EXPECT_EQ(done(light), 2);
  for (const auto* all : {&heavy, &light})
    for (const auto& each : *all) fixture.release(each->wait());
}

TEST(PoolSharesTest, TheRepliesToAHeavyCustomersMessagesHaveItsTurns) {
  Fixture fixture;
  EXPECT_EQ(testing::await<CustomerShare>(fixture.platforms, fixture.loop,
                                          [&] { return share_of_replies(fixture.pool(), "heavy", 3); }),
            customer_share("heavy", 3));
}

// Of whatever customer they are.
TEST(PoolSharesTest, LargeMessagesGoBehindSmallerOnesWithOneTurnOfEight) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  auto held = start(fixture, "first")->wait();
  std::vector<Named> waiting;
  for (int i = 0; i < 4; ++i) waiting.emplace_back("L", start(fixture, i % 2 == 0 ? "a" : "c", /*large=*/true));
  for (int i = 0; i < 15; ++i) waiting.emplace_back("s", start(fixture, i % 2 == 0 ? "a" : "b"));
  std::string order;
  for (const std::string& each : order_of(fixture, std::move(held), std::move(waiting))) order += each;
  EXPECT_EQ(order, "sssssssLsssssssLsLL");
}

// ------------------------------------------------------------------------------------------ the budget of a core

TEST(PoolSharesTest, OutgoingConnectionsAreBoundedAndTheReasonSaysSo) {
  Fixture fixture;
  hop::ConnectionBudget tight{2};
  fixture.route.connect_timeout = 5s;
  hop::Pool pool({fixture.loop, fixture.pool_parts().resolver, fixture.pool_parts().dialer, tight, fixture.memory,
                  fixture.counters},
                 fixture.route, "relay.example", nullptr);
  const auto acquire = [&] {
    return testing::await<hop::Pool::Acquired>(fixture.platforms, fixture.loop, [&] { return pool.acquire({}); });
  };
  auto first = acquire();
  auto second = acquire();
  auto third = acquire();
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().detail,
              HasSubstr("2 outgoing connections are open, which is the most for a core (limits.outgoing_per_core)"));
  EXPECT_EQ(tight.used(), 2U);
  for (auto* each : {&first, &second}) fixture.loop.post([&pool, each] { pool.release(std::move(each->value())); });
  fixture.run_for(1s);
  testing::await_done(fixture.platforms, fixture.loop, [&] { return pool.close(); });
  EXPECT_EQ(tight.used(), 0U);
}

// It was the host's failure, with back-off for all, a try for each recipient and a suspended destination.
TEST(PoolSharesTest, WhereWeHaveNoDescriptorNothingIsSaidOfTheHost) {
  Fixture fixture;
  fixture.platforms.world().faults().add(
      {.call = sim::SimCall::open, .after = 0, .count = 1, .error = EMFILE, .host = ""});
  Sending message(fixture);
  EXPECT_THAT(message.send("From: <ann@example.com>\r\n\r\nhello\r\n"), ::testing::ElementsAre(Kind::deferred));
  EXPECT_THAT(message.result().text, HasSubstr("Too many open files"));
  EXPECT_FALSE(message.transmission->attempted());
  EXPECT_EQ(fixture.pool().status().front().failures, 0U);
  Sending again(fixture);
  EXPECT_THAT(again.send("From: <ann@example.com>\r\n\r\nhello\r\n"), ::testing::ElementsAre(Kind::taken));
}

// One customer's waiters were so many that all others' were refused at once.
TEST(PoolSharesTest, ACustomersManyWaitersLeaveRoomForAnothers) {
  Fixture fixture;
  fixture.route.connections_per_host_max = 1;
  fixture.route.waiting_max = 4;
  auto held = start(fixture, "greedy")->wait();
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 4; ++i) greedy.push_back(start(fixture, "greedy"));
  fixture.run_for(10ms);
  EXPECT_FALSE(start(fixture, "greedy")->wait()) << "there are too many";
  const auto modest = start(fixture, "modest");
  fixture.run_for(10ms);
  EXPECT_FALSE(modest->done());
  fixture.release(std::move(held));
  fixture.run_for(10ms);
  ASSERT_TRUE(modest->done()) << "and has none yet";
  fixture.release(modest->wait());
  for (auto& each : greedy) fixture.release(each->wait());
}

// Connections to other destinations on which nothing moves used up all that a core may have.
TEST(PoolSharesTest, AStalledConnectionOfAnotherPoolGivesWayWhereNoMoreCanBeOpened) {
  Fixture fixture(1, {}, 2);
  hop::ConnectionBudget tight{1};
  route::Route other = fixture.route;
  fixture.route.hosts.pop_back();
  other.hosts.erase(other.hosts.begin());
  const hop::Pool::Parts parts{
      fixture.loop,    fixture.pool_parts().resolver, fixture.pool_parts().dialer, tight, fixture.memory,
      fixture.counters};
  hop::Pool first(parts, fixture.route, "relay.example", nullptr);
  hop::Pool second(parts, other, "relay.example", nullptr);
  struct Stalled final : hop::Pool::Holder {
    Stalled(Fixture& of, hop::Pool& from) : fixture(of), pool(from) {}
    [[nodiscard]] bool held_up_by_sender(Instant /*now*/) const override { return true; }
    void give_way() override {
      fixture.loop.post([this] {
        hop->give_up();
        pool.release(std::move(hop));
      });
    }
    Fixture& fixture;
    hop::Pool& pool;
    std::unique_ptr<hop::NextHop> hop;
  };
  Stalled stalled(fixture, first);
  auto held = testing::await<hop::Pool::Acquired>(
      fixture.platforms, fixture.loop, [&] { return first.acquire({.customer = "greedy", .holder = &stalled}); });
  ASSERT_TRUE(held);
  stalled.hop = *std::move(held);
  auto acquired = testing::await<hop::Pool::Acquired>(fixture.platforms, fixture.loop,
                                                      [&] { return second.acquire({.customer = "modest"}); });
  ASSERT_TRUE(acquired) << acquired.error().detail;
  EXPECT_EQ(stalled.hop, nullptr);
  fixture.loop.post([&] { second.release(*std::move(acquired)); });
  fixture.run_for(1s);
  for (hop::Pool* pool : {&first, &second})
    testing::await_done(fixture.platforms, fixture.loop, [pool] { return pool->close(); });
}

TEST(PoolSharesTest, AnIdleConnectionOfAnotherPoolGoesFirst) {
  Fixture fixture(1, {}, 2);
  hop::ConnectionBudget tight{1};
  route::Route other = fixture.route;
  fixture.route.hosts.pop_back();
  other.hosts.erase(other.hosts.begin());
  const hop::Pool::Parts parts{
      fixture.loop,    fixture.pool_parts().resolver, fixture.pool_parts().dialer, tight, fixture.memory,
      fixture.counters};
  hop::Pool pool(parts, fixture.route, "relay.example", nullptr);
  hop::Pool second(parts, other, "relay.example", nullptr);
  const auto use = [&](hop::Pool& of) {
    auto acquired =
        testing::await<hop::Pool::Acquired>(fixture.platforms, fixture.loop, [&] { return of.acquire({}); });
    ASSERT_TRUE(acquired) << acquired.error().detail;
    fixture.loop.post([&of, &acquired] { of.release(*std::move(acquired)); });
    fixture.run_for(10ms);
  };
  use(pool);
  EXPECT_EQ(tight.used(), 1U);
  use(second);
  EXPECT_EQ(fixture.hops[0]->live(), 0U);
  EXPECT_EQ(tight.used(), 1U);
  for (hop::Pool* each : {&pool, &second})
    testing::await_done(fixture.platforms, fixture.loop, [each] { return each->close(); });
}

// ------------------------------------------------------------------------------------------ slow senders

// A client's message in steps, through the sink that sessions use.
class Sender {
 public:
  Sender(QueueFixture& of, const std::string& customer)
      : of_(of),
        sink_({.loop = of.fixture.loop,
               .router = of.router(),
               .spool = of.spool(),
               .queue = of.queue(),
               .memory = of.fixture.message_memory},
              {.customer = customer, .account = customer}) {
    envelope_.id = of.next_id();
    envelope_.reverse_path = "ann@example.com";
    envelope_.recipients.push_back({.forward_path = customer + "@example.net"});
    run([this] { return sink_.add_recipients(envelope_, 0, answers_); });
    run([this] { return sink_.begin(message::BodyForm::dot_stuffed); });
    write("From: ann@example.com\r\n\r\n");
  }
  void write(std::string_view text) {
    run([this, text] { return feed(sink_, text); });
  }
  int finish() {
    return testing::await<message::Outcome>(of_.fixture.platforms, of_.fixture.loop, [this] { return sink_.commit(); })
        .reply.code();
  }

 private:
  static Task<void> feed(Incoming& sink, std::string_view text) {
    Chain bytes;
    bytes.append_copy(text);
    co_await sink.write(std::move(bytes));
  }
  void run(const std::function<Task<void>()>& make) {
    testing::await_done(of_.fixture.platforms, of_.fixture.loop, make);
  }
  QueueFixture& of_;
  Incoming sink_;
  message::Envelope envelope_;
  std::vector<smtp::Reply> answers_;
};

std::string lines(std::size_t bytes) {
  const std::string line = std::string(70, 'x') + "\r\n";
  std::string text;
  while (text.size() < bytes) text += line;
  return text;
}

std::size_t taken_for(QueueFixture& of, const std::string& recipient) {
  return static_cast<std::size_t>(std::ranges::count_if(of.hop().ledger, [&](const testing::HopMessage& message) {
    return message.answered && std::ranges::find(message.recipients, recipient) != message.recipients.end();
  }));
}

TEST(SlowSenderTest, SendersThatStallInDataDoNotHoldUpAnotherCustomer) {
  QueueFixture of;
  of.fixture.route.connections_per_host_max = 4;
  of.start();
  std::vector<std::unique_ptr<Sender>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<Sender>(of, "slow" + std::to_string(i)));
    slow.back()->write(lines(216'000));
  }
  for (int i = 0; i < 3; ++i) {
    of.fixture.run_for(5s);
    for (const auto& each : slow) each->write("x\r\n");
  }
  of.fixture.run_for(4s);
  ASSERT_EQ(of.hop().live(), 4U);
  Sender other(of, "other");
  other.write(lines(4'000));
  const Instant before = of.fixture.loop.now();
  EXPECT_EQ(other.finish(), 250);
  EXPECT_LT(of.fixture.loop.now() - before, 1s);
  EXPECT_EQ(taken_for(of, "other@example.net"), 1U) << "it went through, and was not kept";
  // The one that gave its connection up is kept and delivered later; the others go through.
  for (const auto& each : slow) EXPECT_EQ(each->finish(), 250);
  ASSERT_TRUE(of.run_until([&] { return of.empty(); }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(taken_for(of, "slow" + std::to_string(i) + "@example.net"), 1U) << i;
}

TEST(SlowSenderTest, NobodyGivesWayWhereNobodyWaits) {
  QueueFixture of;
  of.start();
  Sender slow(of, "slow");
  slow.write(lines(216'000));
  of.fixture.run_for(100s);
  slow.write("x\r\n");
  EXPECT_EQ(slow.finish(), 250);
  EXPECT_EQ(taken_for(of, "slow@example.net"), 1U);
  EXPECT_EQ(of.fixture.counters.given_way, 0U);
}

TEST(SlowSenderTest, ASenderThatKeepsUpKeepsItsConnection) {
  QueueFixture of;
  of.fixture.route.connections_per_host_max = 1;
  of.fixture.route.connect_timeout = 60s;
  of.start();
  Sender steady(of, "steady");
  steady.write(lines(100'000));
  testing::Running<hop::Pool::Acquired> waiting(
      of.fixture.platforms, of.fixture.loop, [&]() -> Task<hop::Pool::Acquired> {
        struct Steps {
          static Task<hop::Pool::Acquired> go(Router& router) {
            const message::Recipient recipient{.forward_path = "other@example.net"};
            auto lease = co_await router.lease(
                router.destination_of(recipient, {.reverse_path = "ann@example.com"}, {.customer = "other"}));
            auto acquired = co_await lease->pool().acquire({.customer = "other"});
            const std::string detail = acquired ? "" : acquired.error().detail;
            if (acquired) lease->pool().release(*std::move(acquired));
            co_return std::unexpected(hop::Failure{.detail = detail});
          }
        };
        return Steps::go(of.router());
      });
  for (int i = 0; i < 30; ++i) {
    steady.write(lines(20'000));
    of.fixture.run_for(1s);
  }
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(of.fixture.counters.given_way, 0U);
  EXPECT_EQ(steady.finish(), 250);
  EXPECT_EQ(waiting.wait().error().detail, "");
  EXPECT_EQ(taken_for(of, "steady@example.net"), 1U);
}

}  // namespace
}  // namespace sluice::relay
