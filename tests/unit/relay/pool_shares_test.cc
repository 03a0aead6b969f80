// Who gets a pool's connections when there are not enough: customers in turns, and no message whose sender is slow.
#include <cerrno>

#include "tests/unit/relay/queue_fixture.h"
#include "tests/unit/relay/sending.h"

namespace sluice::relay {
namespace {

using ::testing::HasSubstr;
using Waiting = testing::Running<hop::Pool::Acquired>;

std::unique_ptr<Waiting> start(Bench& bench, std::string_view customer) {
  return std::make_unique<Waiting>(bench.platforms, bench.loop,
                                   [&bench, customer] { return bench.pool().acquire({.customer = customer}); });
}

TEST(PoolSharesTest, TheNextConnectionGoesToTheCustomerWithTheFewest) {
  Bench bench;
  bench.route.connections_per_host_max = 2;
  auto first = start(bench, "greedy")->wait();
  auto second = start(bench, "greedy")->wait();
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 10; ++i) greedy.push_back(start(bench, "greedy"));
  bench.run_for(1s);
  const auto other = start(bench, "modest");
  bench.run_for(1s);
  bench.release(std::move(first));
  bench.run_for(1s);
  EXPECT_TRUE(other->done());
  EXPECT_FALSE(greedy.front()->done());
  bench.release(std::move(second));
  bench.run_for(1s);
  EXPECT_TRUE(greedy.front()->done()) << "both have one";
  bench.release(other->wait());
  for (auto& each : greedy) bench.release(each->wait());
}

// Also if that one was served last.
TEST(PoolSharesTest, WhoHasNoConnectionComesBeforeWhoHasOneForLong) {
  Bench bench;
  bench.route.connections_per_host_max = 3;
  auto old = start(bench, "greedy")->wait();
  auto second = start(bench, "third")->wait();
  auto returned = start(bench, "modest")->wait();
  bench.release(std::move(returned));
  auto blocker = start(bench, "fourth")->wait();
  const auto greedy = start(bench, "greedy");
  const auto modest = start(bench, "modest");
  bench.run_for(1s);
  bench.release(std::move(second));
  bench.run_for(1s);
  EXPECT_TRUE(modest->done());
  EXPECT_FALSE(greedy->done());
  bench.release(std::move(old));
  bench.release(std::move(blocker));
  bench.release(modest->wait());
  bench.release(greedy->wait());
}

TEST(PoolSharesTest, CustomersThatWaitTakeTurns) {
  Bench bench;
  bench.route.connections_per_host_max = 1;
  auto held = start(bench, "first")->wait();
  std::vector<std::string> order;
  std::vector<std::pair<std::string, std::unique_ptr<Waiting>>> waiting;
  for (const char* customer : {"a", "a", "a", "b", "b", "c"}) waiting.emplace_back(customer, start(bench, customer));
  bench.run_for(100ms);
  while (!waiting.empty()) {
    bench.release(std::move(held));
    bench.run_for(100ms);
    const auto at = std::ranges::find_if(waiting, [](const auto& each) { return each.second->done(); });
    ASSERT_NE(at, waiting.end());
    order.push_back(at->first);
    held = at->second->wait();
    waiting.erase(at);
  }
  bench.release(std::move(held));
  EXPECT_THAT(order, ::testing::ElementsAre("a", "b", "c", "a", "b", "a"));
}

// ------------------------------------------------------------------------------------------ the budget of a core

TEST(PoolSharesTest, OutgoingConnectionsAreBoundedAndTheReasonSaysSo) {
  Bench bench;
  hop::ConnectionBudget tight{2};
  bench.route.connect_timeout = 5s;
  hop::Pool pool({bench.loop, bench.pool_parts().resolver, bench.pool_parts().dialer, tight, bench.memory}, bench.route,
                 "relay.example", nullptr);
  const auto acquire = [&] {
    return testing::await<hop::Pool::Acquired>(bench.platforms, bench.loop, [&] { return pool.acquire({}); });
  };
  auto first = acquire();
  auto second = acquire();
  auto third = acquire();
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().detail,
              HasSubstr("2 outgoing connections are open, which is the most for a core (limits.outgoing_per_core)"));
  EXPECT_EQ(tight.used(), 2U);
  for (auto* each : {&first, &second}) bench.loop.post([&pool, each] { pool.release(std::move(each->value())); });
  bench.run_for(1s);
  testing::await_done(bench.platforms, bench.loop, [&] { return pool.close(); });
  EXPECT_EQ(tight.used(), 0U);
}

// It was the host's failure, with back-off for all, a try for each recipient and a suspended destination.
TEST(PoolSharesTest, WhereWeHaveNoDescriptorNothingIsSaidOfTheHost) {
  Bench bench;
  bench.platforms.world().faults().add(
      {.call = sim::SimCall::open, .after = 0, .count = 1, .error = EMFILE, .host = ""});
  Sending message(bench);
  EXPECT_THAT(message.send("From: <ann@example.com>\r\n\r\nhello\r\n"), ::testing::ElementsAre(Kind::deferred));
  EXPECT_THAT(message.result().text, HasSubstr("Too many open files"));
  EXPECT_FALSE(message.transmission->attempted());
  EXPECT_EQ(bench.pool().status().front().failures, 0U);
  Sending again(bench);
  EXPECT_THAT(again.send("From: <ann@example.com>\r\n\r\nhello\r\n"), ::testing::ElementsAre(Kind::taken));
}

// One customer's waiters were so many that all others' were refused at once.
TEST(PoolSharesTest, ACustomersManyWaitersLeaveRoomForAnothers) {
  Bench bench;
  bench.route.connections_per_host_max = 1;
  bench.route.waiting_max = 4;
  auto held = start(bench, "greedy")->wait();
  std::vector<std::unique_ptr<Waiting>> greedy;
  for (int i = 0; i < 4; ++i) greedy.push_back(start(bench, "greedy"));
  bench.run_for(10ms);
  EXPECT_FALSE(start(bench, "greedy")->wait()) << "there are too many";
  const auto modest = start(bench, "modest");
  bench.run_for(10ms);
  EXPECT_FALSE(modest->done());
  bench.release(std::move(held));
  bench.run_for(10ms);
  ASSERT_TRUE(modest->done()) << "and has none yet";
  bench.release(modest->wait());
  for (auto& each : greedy) bench.release(each->wait());
}

// Connections to other destinations on which nothing moves used up all that a core may have.
TEST(PoolSharesTest, AStalledConnectionOfAnotherPoolGivesWayWhereNoMoreCanBeOpened) {
  Bench bench(1, {}, 2);
  hop::ConnectionBudget tight{1};
  route::Route other = bench.route;
  bench.route.hosts.pop_back();
  other.hosts.erase(other.hosts.begin());
  const hop::Pool::Parts parts{bench.loop, bench.pool_parts().resolver, bench.pool_parts().dialer, tight, bench.memory};
  hop::Pool first(parts, bench.route, "relay.example", nullptr);
  hop::Pool second(parts, other, "relay.example", nullptr);
  struct Stalled final : hop::Pool::Holder {
    Stalled(Bench& of, hop::Pool& from) : bench(of), pool(from) {}
    [[nodiscard]] bool held_up_by_sender(Instant /*now*/) const override { return true; }
    void give_way() override {
      bench.loop.post([this] {
        hop->give_up();
        pool.release(std::move(hop));
      });
    }
    Bench& bench;
    hop::Pool& pool;
    std::unique_ptr<hop::NextHop> hop;
  };
  Stalled stalled(bench, first);
  auto held = testing::await<hop::Pool::Acquired>(
      bench.platforms, bench.loop, [&] { return first.acquire({.customer = "greedy", .holder = &stalled}); });
  ASSERT_TRUE(held);
  stalled.hop = *std::move(held);
  auto acquired = testing::await<hop::Pool::Acquired>(bench.platforms, bench.loop,
                                                      [&] { return second.acquire({.customer = "modest"}); });
  ASSERT_TRUE(acquired) << acquired.error().detail;
  EXPECT_EQ(stalled.hop, nullptr);
  bench.loop.post([&] { second.release(*std::move(acquired)); });
  bench.run_for(1s);
  for (hop::Pool* pool : {&first, &second})
    testing::await_done(bench.platforms, bench.loop, [pool] { return pool->close(); });
}

TEST(PoolSharesTest, AnIdleConnectionOfAnotherPoolGoesFirst) {
  Bench bench(1, {}, 2);
  hop::ConnectionBudget tight{1};
  route::Route other = bench.route;
  bench.route.hosts.pop_back();
  other.hosts.erase(other.hosts.begin());
  const hop::Pool::Parts parts{bench.loop, bench.pool_parts().resolver, bench.pool_parts().dialer, tight, bench.memory};
  hop::Pool pool(parts, bench.route, "relay.example", nullptr);
  hop::Pool second(parts, other, "relay.example", nullptr);
  const auto use = [&](hop::Pool& of) {
    auto acquired = testing::await<hop::Pool::Acquired>(bench.platforms, bench.loop, [&] { return of.acquire({}); });
    ASSERT_TRUE(acquired) << acquired.error().detail;
    bench.loop.post([&of, &acquired] { of.release(*std::move(acquired)); });
    bench.run_for(10ms);
  };
  use(pool);
  EXPECT_EQ(tight.used(), 1U);
  use(second);
  EXPECT_EQ(bench.hops[0]->live(), 0U);
  EXPECT_EQ(tight.used(), 1U);
  for (hop::Pool* each : {&pool, &second})
    testing::await_done(bench.platforms, bench.loop, [each] { return each->close(); });
}

// ------------------------------------------------------------------------------------------ slow senders

// A client's message in steps, through the sink that sessions use.
class Sender {
 public:
  Sender(QueueBench& of, const std::string& customer)
      : of_(of),
        sink_({.loop = of.bench.loop, .router = of.router(), .spool = of.spool(), .queue = of.queue()},
              {.customer = customer, .account = customer}) {
    envelope_.id = of.next_id();
    envelope_.reverse_path = "ann@example.com";
    envelope_.recipients.push_back({.forward_path = customer + "@example.net"});
    run([this] { return sink_.offer(envelope_, 0, answers_); });
    run([this] { return sink_.begin(message::BodyForm::dot_stuffed); });
    write("From: ann@example.com\r\n\r\n");
  }
  void write(std::string_view text) {
    run([this, text] { return feed(sink_, text); });
  }
  int finish() {
    return testing::await<message::Outcome>(of_.bench.platforms, of_.bench.loop, [this] { return sink_.finish(); })
        .reply.code();
  }

 private:
  static Task<void> feed(Incoming& sink, std::string_view text) {
    Chain bytes;
    bytes.append_copy(text);
    co_await sink.feed(std::move(bytes));
  }
  void run(const std::function<Task<void>()>& make) { testing::await_done(of_.bench.platforms, of_.bench.loop, make); }
  QueueBench& of_;
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

std::size_t taken_for(QueueBench& of, const std::string& recipient) {
  return static_cast<std::size_t>(std::ranges::count_if(of.hop().ledger, [&](const testing::HopMessage& message) {
    return message.answered && std::ranges::find(message.recipients, recipient) != message.recipients.end();
  }));
}

TEST(SlowSenderTest, SendersThatStallInDataDoNotHoldUpAnotherCustomer) {
  QueueBench of;
  of.bench.route.connections_per_host_max = 4;
  of.start();
  std::vector<std::unique_ptr<Sender>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<Sender>(of, "slow" + std::to_string(i)));
    slow.back()->write(lines(216'000));
  }
  for (int i = 0; i < 3; ++i) {
    of.bench.run_for(5s);
    for (const auto& each : slow) each->write("x\r\n");
  }
  of.bench.run_for(4s);
  ASSERT_EQ(of.hop().live(), 4U);
  Sender other(of, "other");
  other.write(lines(4'000));
  const Instant before = of.bench.loop.now();
  EXPECT_EQ(other.finish(), 250);
  EXPECT_LT(of.bench.loop.now() - before, 1s);
  EXPECT_EQ(taken_for(of, "other@example.net"), 1U) << "it went through, and was not kept";
  // The one that gave its connection up is kept and delivered later; the others go through.
  for (const auto& each : slow) EXPECT_EQ(each->finish(), 250);
  ASSERT_TRUE(of.run_until([&] { return of.empty(); }));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(taken_for(of, "slow" + std::to_string(i) + "@example.net"), 1U) << i;
}

TEST(SlowSenderTest, NobodyGivesWayWhereNobodyWaits) {
  QueueBench of;
  of.start();
  Sender slow(of, "slow");
  slow.write(lines(216'000));
  of.bench.run_for(100s);
  slow.write("x\r\n");
  EXPECT_EQ(slow.finish(), 250);
  EXPECT_EQ(taken_for(of, "slow@example.net"), 1U);
  EXPECT_EQ(of.router().counters().given_way, 0U);
}

TEST(SlowSenderTest, ASenderThatKeepsUpKeepsItsConnection) {
  QueueBench of;
  of.bench.route.connections_per_host_max = 1;
  of.bench.route.connect_timeout = 60s;
  of.start();
  Sender steady(of, "steady");
  steady.write(lines(100'000));
  testing::Running<hop::Pool::Acquired> waiting(of.bench.platforms, of.bench.loop, [&]() -> Task<hop::Pool::Acquired> {
    struct Steps {
      static Task<hop::Pool::Acquired> go(Router& router) {
        const message::Recipient recipient{.forward_path = "other@example.net"};
        auto lease =
            co_await router.lease(router.bind(recipient, {.reverse_path = "ann@example.com"}, {.customer = "other"}));
        auto acquired = co_await lease->pool().acquire({.customer = "other"});
        if (acquired) lease->pool().release(*std::move(acquired));
        co_return std::unexpected(hop::Trouble{.detail = acquired ? "" : acquired.error().detail});
      }
    };
    return Steps::go(of.router());
  });
  for (int i = 0; i < 30; ++i) {
    steady.write(lines(20'000));
    of.bench.run_for(1s);
  }
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(of.router().counters().given_way, 0U);
  EXPECT_EQ(steady.finish(), 250);
  EXPECT_EQ(waiting.wait().error().detail, "");
  EXPECT_EQ(taken_for(of, "steady@example.net"), 1U);
}

}  // namespace
}  // namespace sluice::relay
