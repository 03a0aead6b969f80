#include "engine/base/task.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kSmallStackBytes = 256 * 1024;

// How deep the stack is, by the address of a frame: locals may live elsewhere (in a task's frame, or in
// AddressSanitizer's own memory).
class StackDepth {
 public:
  [[gnu::noinline]] void note() {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest_ = std::min(lowest_, here);
    highest_ = std::max(highest_, here);
  }
  [[nodiscard]] std::uintptr_t range() const { return highest_ - lowest_; }

 private:
  std::uintptr_t lowest_ = UINTPTR_MAX;
  std::uintptr_t highest_ = 0;
};

// Runs `body` on a thread that would soon have no stack left.
template <typename Body>
void on_small_stack(Body body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSmallStackBytes), 0);
  pthread_t thread{};
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* context) -> void* {
                  (*static_cast<Body*>(context))();
                  return nullptr;
                },
                &body),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

Task<int> ready_with(int value, StackDepth& depth) {
  depth.note();
  co_return value;
}

Task<void> await_many(int count, StackDepth& depth, std::int64_t& sum) {
  for (int i = 0; i < count; ++i) sum += co_await ready_with(1, depth);
}

TEST(TaskTest, AMillionReadyAwaitsDoNotGrowTheStack) {
  on_small_stack([] {
    ReadyQueue queue;
    StackDepth depth;
    std::int64_t sum = 0;
    {
      const Task<void> task = await_many(1'000'000, depth, sum);
      EXPECT_TRUE(task.done()) << "it suspended although nothing had to be waited for";
    }
    EXPECT_EQ(sum, 1'000'000);
    EXPECT_LT(depth.range(), 4096U);
    EXPECT_EQ(task_frames_live(), 0);
  });
}

Task<void> turn_about(AsyncEvent& mine, AsyncEvent& other, int count, StackDepth& depth, std::int64_t& sum) {
  for (int i = 0; i < count; ++i) {
    co_await mine.wait("my turn");
    depth.note();
    ++sum;
    other.set();
  }
}

TEST(TaskTest, AMillionWaitsDoNotGrowTheStack) {
  on_small_stack([] {
    ReadyQueue queue;
    StackDepth depth;
    std::int64_t sum = 0;
    AsyncEvent ping;
    AsyncEvent pong;
    {
      const Task<void> first = turn_about(ping, pong, 500'000, depth, sum);
      const Task<void> second = turn_about(pong, ping, 500'000, depth, sum);
      ping.set();
      EXPECT_EQ(queue.run(), 1'000'000U);
      EXPECT_TRUE(first.done() && second.done());
    }
    EXPECT_EQ(sum, 1'000'000);
    EXPECT_LT(depth.range(), 4096U);
  });
}

Task<int> bottom(AsyncEvent& event) {
  co_await event.wait("the bottom's event");
  co_return 0;
}

Task<int> link(Task<int>& below, StackDepth& depth) {
  const int height = co_await below;
  depth.note();
  co_return height + 1;
}

TEST(TaskTest, AChainOf100000WaitingTasksIsResumedFromTheQueue) {
  on_small_stack([] {
    constexpr std::size_t kLinks = 100'000;
    ReadyQueue queue;
    StackDepth depth;
    AsyncEvent event;
    {
      std::vector<Task<int>> chain;
      chain.reserve(kLinks + 1);  // each holds on to the address of the one before
      chain.push_back(bottom(event));
      while (chain.size() <= kLinks) chain.push_back(link(chain.back(), depth));
      EXPECT_EQ(chain.back().promise().whereabouts(), "the bottom's event");
      EXPECT_EQ(task_frames_live(), static_cast<std::int64_t>(kLinks) + 1);
      event.set();
      EXPECT_EQ(queue.run(), kLinks + 1);
      EXPECT_EQ(chain.back().take(), static_cast<int>(kLinks));
    }
    EXPECT_LT(depth.range(), 4096U);
    EXPECT_EQ(task_frames_live(), 0);
  });
}

TEST(TaskTest, AResultThatCanOnlyBeMovedComesThrough) {
  ReadyQueue queue;
  AsyncEvent event;
  auto make = [](AsyncEvent& wait) -> Task<std::unique_ptr<int>> {
    co_await wait.wait("a event");
    co_return std::make_unique<int>(7);
  };
  Task<std::unique_ptr<int>> task = make(event);
  EXPECT_FALSE(task.done());
  event.set();
  queue.run();
  ASSERT_TRUE(task.done());
  EXPECT_EQ(*task.take(), 7);
}

TEST(TaskTest, SaysWhatItWaitsForDownToTheOperation) {
  ReadyQueue queue;
  AsyncEvent event;
  StackDepth depth;
  Task<int> low = bottom(event);
  const Task<int> high = link(low, depth);
  EXPECT_EQ(high.promise().whereabouts(), "the bottom's event");
  event.set();
  EXPECT_EQ(high.promise().whereabouts(), "the bottom's event");  // it has not run yet
  EXPECT_EQ(queue.run(1), 1U);
  EXPECT_EQ(high.promise().whereabouts(), "done");
  queue.run();
  EXPECT_TRUE(high.done());
}

TEST(TaskTest, RunStopsAfterAsManyAsAskedFor) {
  ReadyQueue queue;
  AsyncEvent ping;
  AsyncEvent pong;
  StackDepth depth;
  std::int64_t sum = 0;
  const Task<void> first = turn_about(ping, pong, 5, depth, sum);
  const Task<void> second = turn_about(pong, ping, 5, depth, sum);
  ping.set();
  EXPECT_EQ(queue.run(3), 3U);
  EXPECT_EQ(sum, 3);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.run(), 7U);
  EXPECT_TRUE(queue.empty());
}

// ------------------------------------------------------------------------------------------ events

TEST(GateTest, OpeningBeforeWaitingIsRememberedOnce) {
  ReadyQueue queue;
  AsyncEvent event;
  event.set();
  event.set();
  {
    const Task<int> passes = bottom(event);
    EXPECT_TRUE(passes.done());
  }
  const Task<int> waits = bottom(event);
  EXPECT_FALSE(waits.done());
  EXPECT_TRUE(event.waiting());
  event.set();
  EXPECT_FALSE(event.waiting());
  queue.run();
  EXPECT_TRUE(waits.done());
}

TEST(GateDeathTest, OnlyOneMayWait) {
  ReadyQueue queue;
  AsyncEvent event;
  const Task<int> first = bottom(event);
  EXPECT_DEATH({ const Task<int> second = bottom(event); }, "check failed: event_.waiter_ == nullptr");
  event.set();
  queue.run();
}

// ------------------------------------------------------------------------------------------ what may be destroyed when

TEST(TaskDeathTest, AFrameThatWaitsIsNeverDestroyed) {
  ReadyQueue queue;
  AsyncEvent event;
  EXPECT_DEATH({ const Task<int> task = bottom(event); }, "check failed: promise_->finished()");
  EXPECT_DEATH(
      {
        std::int64_t sum = 0;
        StackDepth depth;
        const Task<void> task = turn_about(event, event, 1, depth, sum);
      },
      "check failed: promise_->finished()");
}

TEST(TaskDeathTest, ATaskIsAwaitedByOne) {
  ReadyQueue queue;
  AsyncEvent event;
  StackDepth depth;
  Task<int> low = bottom(event);
  const Task<int> first = link(low, depth);
  EXPECT_DEATH({ const Task<int> second = link(low, depth); }, "check failed: task.waiter_ == nullptr");
  event.set();
  queue.run();
}

TEST(TaskDeathTest, AQueueIsRunEmptyBeforeItGoes) {
  AsyncEvent event;
  EXPECT_DEATH(
      {
        ReadyQueue queue;
        auto task = new Task<int>(bottom(event));  // never destroyed: only the queue is
        event.set();
        static_cast<void>(task);
      },
      "check failed: empty\\(\\)");
}

TEST(TaskSetDeathTest, ASetIsJoinedBeforeItGoes) {
  ReadyQueue queue;
  AsyncEvent event;
  StackDepth depth;
  std::int64_t sum = 0;
  EXPECT_DEATH(
      {
        TaskSet tasks;
        tasks.add(turn_about(event, event, 1, depth, sum));
      },
      "check failed: live_ == 0");
}

// ------------------------------------------------------------------------------------------ task sets

struct CountsItself {
  explicit CountsItself(int& count) : count_(&count) { ++*count_; }
  CountsItself(CountsItself&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  CountsItself& operator=(CountsItself&&) = delete;
  ~CountsItself() {
    if (count_ != nullptr) --*count_;
  }
  int* count_;
};

Task<void> holds(CountsItself /*argument*/, AsyncEvent& event) { co_await event.wait("a event"); }

TEST(TaskSetTest, JoinsAllAndFreesTheirFrames) {
  ReadyQueue queue;
  std::vector<AsyncEvent> events(100);
  int alive = 0;
  TaskSet tasks;
  for (AsyncEvent& event : events) tasks.add(holds(CountsItself(alive), event));
  events[0].set();
  queue.run();
  EXPECT_EQ(tasks.live(), 99U);
  EXPECT_EQ(alive, 99);
  {
    const Task<void> join = tasks.join("sessions");
    EXPECT_FALSE(join.done());
    for (AsyncEvent& event : events) event.set();
    queue.run();
    EXPECT_TRUE(join.done());
  }
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(task_frames_live(), 0);
}

TEST(TaskSetTest, WhoIsAddedWhileItJoinsIsJoinedToo) {
  ReadyQueue queue;
  AsyncEvent first;
  AsyncEvent second;
  int alive = 0;
  TaskSet tasks;
  tasks.add(holds(CountsItself(alive), first));
  const Task<void> join = tasks.join("sessions");
  first.set();
  queue.run(1);  // the last one is done, the joiner has not seen it yet
  tasks.add(holds(CountsItself(alive), second));
  queue.run();
  EXPECT_FALSE(join.done());
  second.set();
  queue.run();
  EXPECT_TRUE(join.done());
}

TEST(TaskSetTest, ATaskThatIsDoneAtOnceIsNotKept) {
  ReadyQueue queue;
  TaskSet tasks;
  AsyncEvent event;
  event.set();
  int alive = 0;
  tasks.add(holds(CountsItself(alive), event));
  EXPECT_EQ(tasks.live(), 0U);
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(tasks.join("nobody").done());
}

// ------------------------------------------------------------------------------------------ several queues

TEST(ReadyQueueTest, TasksWentToTheLoopThatWasMadeLastInsteadOfTheirOwn) {
  ReadyQueue one;
  ReadyQueue two;
  AsyncEvent event;
  const Task<int> task = bottom(event);
  {
    const ReadyQueue::Use use(one);
    event.set();
  }
  EXPECT_FALSE(one.empty());
  EXPECT_TRUE(two.empty());
  one.run();
  EXPECT_TRUE(task.done());
}

// ------------------------------------------------------------------------------------------ shares

Task<void> wait_then_note(AsyncEvent& event, int name, std::vector<int>& order) {
  co_await event.wait("its turn");
  order.push_back(name);
}

// Waits on behalf of a share, as a session does once its connection has one.
struct Starter {
  Task<void> wait(CustomerShare share, int name, std::vector<int>& order) {
    running_share = share;
    Task<void> task = wait_then_note(event, name, order);
    running_share = kOwnShare;
    return task;
  }
  AsyncEvent event;
};

TEST(ReadyQueueTest, AThousandTasksOfOneCustomerPutOffAnothersByOne) {
  ReadyQueue queue;
  std::vector<int> order;
  std::vector<Starter> heavy(1000);
  std::vector<Task<void>> tasks;
  for (Starter& each : heavy) tasks.push_back(each.wait({7}, 7, order));
  Starter light;
  tasks.push_back(light.wait({9}, 9, order));
  for (Starter& each : heavy) each.event.set();
  light.event.set();
  queue.run();
  ASSERT_EQ(order.size(), 1001U);
  EXPECT_EQ(order[0], 7);
  EXPECT_EQ(order[1], 9);
}

TEST(ReadyQueueTest, ACustomerThatWeighsThreeGoesOnThreeTimesAsOften) {
  ReadyQueue queue;
  std::vector<int> order;
  std::vector<Starter> heavy(300);
  std::vector<Starter> light(300);
  std::vector<Task<void>> tasks;
  for (Starter& each : heavy) tasks.push_back(each.wait({.number = 7, .weight = 3}, 7, order));
  for (Starter& each : light) tasks.push_back(each.wait({9}, 9, order));
  for (Starter& each : light) each.event.set();
  for (Starter& each : heavy) each.event.set();
  EXPECT_EQ(queue.run(200), 200U);
  EXPECT_EQ(std::ranges::count(order, 7), 150);
  queue.run();
}

Task<void> await_it(Task<void>& below, int name, std::vector<int>& order) {
  co_await below;
  order.push_back(name);
}

// A session is many tasks, each of which awaits the next: all of them go on in its customer's turns, also where the
// customer became known after the outer ones had begun to wait.
TEST(ReadyQueueTest, WhatAwaitsATaskGoesOnInTheTurnsOfThatTask) {
  ReadyQueue queue;
  std::vector<int> order;
  std::vector<Starter> heavy(10);
  std::vector<Task<void>> tasks;
  for (Starter& each : heavy) tasks.push_back(each.wait(kOwnShare, 0, order));
  Starter light;
  Task<void> inner = light.wait({9}, 1, order);
  const Task<void> middle = await_it(inner, 2, order);  // on behalf of the relay itself, like the heavy ones
  for (Starter& each : heavy) each.event.set();
  light.event.set();
  queue.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

// A message of a customer with one session was nine turns until its reply, each of which waited for one of another's.
TEST(ReadyQueueTest, WhatACustomerWithOneSessionDoesIsOneTurnHoweverManyTasksItIs) {
  ReadyQueue queue;
  std::vector<int> order;
  std::vector<Starter> heavy(10);
  std::vector<Task<void>> tasks;
  for (Starter& each : heavy) tasks.push_back(each.wait({7}, 7, order));
  Starter light;
  Task<void> innermost = light.wait({9}, 1, order);
  Task<void> inner = await_it(innermost, 2, order);
  Task<void> outer = await_it(inner, 3, order);
  const Task<void> session = await_it(outer, 4, order);
  for (Starter& each : heavy) each.event.set();
  light.event.set();
  EXPECT_EQ(queue.run(5), 5U);
  EXPECT_EQ(order, (std::vector{7, 1, 2, 3, 4}));
  queue.run();
}

// Done in order, many sessions' steps are the same code each time; each session to its end would be slower.
TEST(ReadyQueueTest, TheSessionsOfACustomerTakeTheirStepsOneAfterTheOther) {
  ReadyQueue queue;
  std::vector<int> order;
  std::vector<Starter> sessions(2);
  std::vector<Task<void>> inner;
  for (Starter& each : sessions) inner.push_back(each.wait({7}, 1, order));
  std::vector<Task<void>> outer;
  for (Task<void>& each : inner) outer.push_back(await_it(each, 2, order));
  for (Starter& each : sessions) each.event.set();
  queue.run();
  EXPECT_EQ(order, (std::vector{1, 1, 2, 2}));
}

TEST(ReadyQueueTest, QueuesMayGoInAnyOrder) {
  auto one = std::make_unique<ReadyQueue>();
  auto two = std::make_unique<ReadyQueue>();
  auto three = std::make_unique<ReadyQueue>();
  one.reset();
  EXPECT_EQ(&ReadyQueue::current(), three.get());
  three.reset();
  EXPECT_EQ(&ReadyQueue::current(), two.get());
  two.reset();
  EXPECT_DEATH(ReadyQueue::current(), "check failed: queue != nullptr");
}

}  // namespace
}  // namespace sluice
