// The loop on both platforms: what is ready, what is due, what others post, and how it ends.
#include "engine/io/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/platforms.h"
#include "tests/support/raw_socket.h"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;
using testing::BothPlatforms;
using testing::PlatformKind;
using testing::Platforms;

class LoopTest : public BothPlatforms {};
INSTANTIATE_TEST_SUITE_P(Platforms, LoopTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         testing::platform_name);

Task<void> sleep_then_note(Loop& loop, Duration duration, int number, std::vector<int>& order) {
  const Instant due = loop.now() + duration;
  co_await loop.sleep(duration, "a nap");
  EXPECT_GE(loop.now(), due);
  EXPECT_GE(loop.platform().clock.now(), due);
  order.push_back(number);
}

TEST_P(LoopTest, SleepersWakeWhenTheyAreDue) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  std::vector<int> order;
  TaskSet tasks;
  tasks.add(sleep_then_note(loop, 60ms, 3, order));
  tasks.add(sleep_then_note(loop, 20ms, 1, order));
  tasks.add(sleep_then_note(loop, 40ms, 2, order));
  tasks.add(sleep_then_note(loop, 0ms, 0, order));
  EXPECT_TRUE(platforms_.run_until([&] { return tasks.live() == 0; }));
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

Task<void> take_turns(Loop& loop, int count, int& taken) {
  for (; taken < count; ++taken) {
    const std::uint64_t before = loop.counters().turns;
    co_await loop.next_turn("a turn");
    EXPECT_EQ(loop.counters().turns, before + 1);
  }
}

// What is done in parts lets all others go on between two of them, and waits for nothing.
TEST_P(LoopTest, WorkInPartsHasOneInEachTurn) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  int one = 0;
  int two = 0;
  TaskSet tasks;
  tasks.add(take_turns(loop, 20, one));
  tasks.add(take_turns(loop, 10, two));
  EXPECT_TRUE(platforms_.run_until([&] {
    EXPECT_TRUE(one == two || two == 10) << one << " " << two;
    return tasks.live() == 0;
  }));
}

Task<void> sleep_often(Loop& loop, const Loop& other, int count, bool& mixed_up) {
  for (int i = 0; i < count; ++i) {
    const std::uint64_t turns_of_other = other.counters().turns;
    co_await loop.sleep(1ms, "a nap");
    // In a turn of its own loop, time is what the loop said when the turn began.
    if (loop.now() > loop.platform().clock.now() || turns_of_other > other.counters().turns) mixed_up = true;
  }
}

TEST_P(LoopTest, LoopsOnOneThreadDoNotTakeEachOthersTasks) {
  Loop& one = platforms_.add_loop("192.0.2.1");
  Loop& two = platforms_.add_loop("192.0.2.2");
  bool mixed_up = false;
  TaskSet tasks;
  tasks.add(sleep_often(one, two, 20, mixed_up));
  tasks.add(sleep_often(two, one, 20, mixed_up));
  // Only one of them gets turns: its own task ends, the other's does not.
  for (int i = 0; i < 2000 && tasks.live() == 2; ++i) {
    if (platforms_.simulated()) {
      one.turn(1ms);
    } else {
      one.turn(20ms);
    }
  }
  EXPECT_EQ(tasks.live(), 1U);
  EXPECT_TRUE(platforms_.run_until([&] { return tasks.live() == 0; }));
  EXPECT_FALSE(mixed_up);
}

TEST_P(LoopTest, APostedMessageRunsInATurn) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  std::vector<int> order;
  loop.post([&] {
    order.push_back(1);
    loop.post([&] { order.push_back(3); });
  });
  loop.post([&] { order.push_back(2); });
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(platforms_.run_until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

Task<void> work(Loop& loop, int value, std::vector<std::optional<int>>& results) {
  auto result = co_await run_on_worker<int>(loop, [value] { return value * 2; }, "a worker");
  results.push_back(result);
}

TEST_P(LoopTest, WorkersAnswerOnTheLoop) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  std::vector<std::optional<int>> results;
  TaskSet tasks;
  for (int i = 0; i < 20; ++i) tasks.add(work(loop, i, results));
  EXPECT_TRUE(platforms_.run_until([&] { return tasks.live() == 0; }));
  int sum = 0;
  for (const auto& result : results) sum += result.value_or(-1000);
  EXPECT_EQ(sum, 380);
}

TEST_P(LoopTest, RunEndsWhenItIsStoppedAndNothingIsOwed) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  auto listener = std::make_unique<testing::RawListener>(loop, platforms_.address("192.0.2.1"));
  bool settled = false;
  loop.post([&] {
    loop.stop();
    EXPECT_TRUE(loop.stopping());
    listener->end_all();
    settled = true;  // but the accept is still owed
  });
  loop.run([&] { return settled; });
  EXPECT_EQ(loop.operations_live(), 0U);
  EXPECT_EQ(listener->error, -ECANCELED);
}

TEST_P(LoopTest, SaysWhenItsNextTurnIsDue) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  EXPECT_EQ(loop.due(), Instant::max());
  Timer timer([](void*) {}, nullptr);
  loop.timers().arm(timer, loop.now() + 1h);
  EXPECT_GT(loop.due(), loop.now());
  EXPECT_LE(loop.due(), loop.now() + 1h + TimerWheel::kTick);
  loop.post([] {});
  EXPECT_LE(loop.due(), loop.now());
  loop.turn(0ms);
  EXPECT_GT(loop.due(), loop.now());
  loop.timers().disarm(timer);
}

TEST_P(LoopTest, CancellingWhatHasEndedDoesNothing) {
  Loop& loop = platforms_.add_loop("192.0.2.1");
  loop.cancel({}, OperationKind::receive);
  loop.cancel({.index = 3, .generation = 9}, OperationKind::send);
  EXPECT_EQ(loop.operations_live(), 0U);
}

TEST(LoopWorkersTest, AFullQueueIsAnErrorAtOnce) {
  Platforms platforms(PlatformKind::simulated);
  Loop& loop = platforms.add_loop("192.0.2.1");
  platforms.world().faults().add({.call = sim::SimCall::work, .after = 1, .count = 1});
  std::vector<std::optional<int>> results;
  TaskSet tasks;
  for (int i = 1; i <= 3; ++i) tasks.add(work(loop, i, results));
  EXPECT_EQ(results.size(), 1U);  // refused without waiting
  EXPECT_EQ(results[0], std::nullopt);
  EXPECT_TRUE(platforms.run_until([&] { return tasks.live() == 0; }));
  EXPECT_EQ(results.size(), 3U);
}

// ------------------------------------------------------------------------------------------ long turns

// Tasks of one turn, each of which takes its time.
struct LongTurn {
  explicit LongTurn(Loop& of) : loop(of) {}
  Loop& loop;
  std::vector<int> order;  // of tasks by their numbers, and what else happened
  TaskSet tasks;
  std::deque<AsyncEvent> steps;

  // As a task of `share`, at its step, which takes half a millisecond.
  void add(int number, CustomerShare share, std::function<void()> step = {}) {
    running_share = share;
    tasks.add(run(*this, steps.emplace_back(), number, std::move(step)));
    running_share = kOwnShare;
  }
  static Task<void> run(LongTurn& self, AsyncEvent& go, int number, std::function<void()> step) {
    co_await go.wait("its step");
    self.order.push_back(number);
    if (step) step();
    const Instant end = self.loop.platform().clock.now() + 500us;
    while (self.loop.platform().clock.now() < end) continue;
  }
  std::ptrdiff_t place(int what) const { return std::ranges::find(order, what) - order.begin(); }
};

// A customer with little to do waited, at each of the steps of its message, for all that another's thousand sessions
// had to do in the same turn.
TEST(LongTurnTest, ACustomerWithLittleToDoDoesNotWaitForAllThatOthersDo) {
  Platforms platforms(PlatformKind::real);
  Loop& loop = platforms.add_loop("127.0.0.1");
  std::array<int, 2> sockets{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
  LongTurn turn(loop);
  static constexpr int kHeavy = 40;
  static constexpr int kLight = 100;
  static constexpr int kSent = 200;
  static constexpr int kNext = 300;
  AsyncEvent arrived;
  Deferred send(
      [](void* context) {
        auto& self = *static_cast<LongTurn*>(context);
        self.order.push_back(kSent);
      },
      &turn);
  for (int i = 0; i < kHeavy; ++i) turn.add(i, {7});
  turn.add(kLight, {9}, [&] {
    loop.defer_start(send);
    // What completes within the turn: the answer to what was sent, say.
    loop.send(
        sockets[0], "x", [](void* event, const Completion&) { static_cast<AsyncEvent*>(event)->set(); }, &arrived);
  });
  turn.tasks.add([](LongTurn& self, AsyncEvent& event) -> Task<void> {
    co_await event.wait("what arrives");
    self.order.push_back(kNext);
  }(turn, arrived));
  std::uint64_t turns = 0;
  loop.post([&] {
    turns = loop.counters().turns;
    for (AsyncEvent& step : turn.steps) step.set();
  });
  EXPECT_TRUE(platforms.run_until([&] { return turn.tasks.live() == 0; }));
  EXPECT_EQ(loop.counters().turns, turns);
  EXPECT_EQ(turn.place(kLight), 1);
  EXPECT_LT(turn.place(kSent), 8);
  EXPECT_LT(turn.place(kNext), 16);
  for (const int socket : sockets) ::close(socket);
}

// ------------------------------------------------------------------------------------------ other threads

struct RealCore {
  std::unique_ptr<Ring> ring = *make_real_ring({.submissions = 8, .completions = 16, .buffers = 2});
  std::unique_ptr<Sockets> sockets = make_real_sockets();
  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Random> random = make_real_random();
  std::unique_ptr<Disk> disk = make_real_disk();
  std::unique_ptr<Workers> workers = make_real_workers(1, 4);
  Platform platform() { return {*ring, *sockets, *clock, *random, *workers, *disk}; }
};

TEST(LoopThreadsTest, MessagesFromOtherThreadsWakeASleepingLoop) {
  RealCore core;
  Loop loop(core.platform(), {.buffers = 2});
  std::atomic<int> received = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const int before = received;
        loop.post([&] { ++received; });
        if (i % 10 == 0)
          while (received == before) std::this_thread::yield();  // it must not sleep its ten seconds
      }
    });
  }
  const auto began = std::chrono::steady_clock::now();
  while (received < 1500) loop.turn(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 9s);
  for (std::thread& thread : threads) thread.join();
}

// stop() and post() still looked at the loop after they had stopped it, when it might be gone:
// ThreadSanitizer sees it here.
TEST(LoopThreadsTest, TheThreadThatStoppedALoopLookedAtItWhenItWasGone) {
  for (int i = 0; i < 50; ++i) {
    std::atomic<Loop*> made = nullptr;
    std::atomic<bool> over = false;
    std::thread thread([&] {
      RealCore core;
      auto loop = std::make_unique<Loop>(core.platform(), LoopLimits{.buffers = 2});
      made = loop.get();
      bool at_once = i % 2 == 0;
      if (!at_once) loop->post([&] { at_once = true; });
      loop->run([&] { return at_once; });
      loop.reset();
      while (!over) std::this_thread::yield();  // the ring outlives all threads that may still wake it
    });
    while (made == nullptr) std::this_thread::yield();
    made.load()->stop();
    over = true;
    thread.join();
  }
}

TEST(LoopThreadsTest, ALoopEndsWithTheMessageThatEndsIt) {
  for (int i = 0; i < 50; ++i) {
    std::atomic<Loop*> made = nullptr;
    std::atomic<bool> over = false;
    std::thread thread([&] {
      RealCore core;
      auto loop = std::make_unique<Loop>(core.platform(), LoopLimits{.buffers = 2});
      bool ended = false;
      made = loop.get();
      while (!ended) {
        loop->turn(1s);
        ended = loop->stopping();
      }
      loop.reset();
      while (!over) std::this_thread::yield();
    });
    while (made == nullptr) std::this_thread::yield();
    Loop* loop = made;
    loop->post([loop] { loop->stop(); });
    over = true;
    thread.join();
  }
}

TEST(LoopDeathTest, ALoopGoesWhenAllItStartedHasEnded) {
  EXPECT_DEATH(
      {
        sim::SimWorld world(7);
        Loop loop(world.platform("192.0.2.1"), {});
        const int socket = *loop.platform().sockets.listen(*Address::from_ip("192.0.2.1", 25), {});
        loop.accept(socket, [](void*, const Completion&) {}, nullptr);
      },
      "check failed: operations_.live.*\n.*seed 7");
}

}  // namespace
}  // namespace sluice::io
