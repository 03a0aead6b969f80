// The real platform but for its ring: workers, sockets, clock, randomness.
#include "engine/io/real_platform.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/process.h"
#include "engine/io/real_ring.h"

namespace sluice::io {
namespace {

using namespace std::chrono_literals;

TEST(RealWorkersTest, RunWhatTheyAcceptedBeforeTheyEnd) {
  std::atomic<int> ran = 0;
  int accepted = 0;
  {
    const auto workers = make_real_workers(3, 1000);
    for (int i = 0; i < 500; ++i)
      if (workers->submit([&] { ++ran; }, kOwnShare)) ++accepted;
  }
  EXPECT_EQ(accepted, 500);
  EXPECT_EQ(ran, 500);
}

// A core that gave way beside one that computed came back after milliseconds.
TEST(RealWorkersTest, WhetherAJobRunsIsKnown) {
  std::mutex hold;
  std::atomic<bool> began = false;
  EXPECT_FALSE(workers_run());
  {
    const auto workers = make_real_workers(1, 10);
    {
      const std::lock_guard lock(hold);
      EXPECT_TRUE(workers->submit(
          [&] {
            began = true;
            const std::lock_guard held(hold);
          },
          kOwnShare));
      while (!began) std::this_thread::yield();
      EXPECT_TRUE(workers_run());
    }
  }
  EXPECT_FALSE(workers_run());
}

TEST(RealWorkersTest, AFullQueueRefuses) {
  std::mutex hold;
  std::atomic<int> began = 0;
  std::atomic<int> ran = 0;
  {
    const std::lock_guard closed(hold);
    const auto workers = make_real_workers(1, 2);
    const auto job = [&] {
      ++began;
      const std::lock_guard wait(hold);
      ++ran;
    };
    EXPECT_TRUE(workers->submit(job, kOwnShare));
    while (began == 0) std::this_thread::yield();  // it is off the queue
    EXPECT_TRUE(workers->submit(job, kOwnShare));
    EXPECT_TRUE(workers->submit(job, kOwnShare));
    EXPECT_FALSE(workers->submit(job, kOwnShare));
    hold.unlock();  // so that the workers' destructor can join
    while (ran < 3) std::this_thread::yield();
    hold.lock();
  }
  EXPECT_EQ(ran, 3);
}

// A customer's many password checks were all before another's one, or filled the queue.
TEST(RealWorkersTest, OneCustomersJobIsNotBehindTheCrowdOfAnother) {
  std::mutex hold;
  std::atomic<int> began = 0;
  std::vector<char> order;  // on the one worker, until it has ended
  {
    const auto workers = make_real_workers(1, 4);
    {
      const std::lock_guard closed(hold);
      EXPECT_TRUE(workers->submit(
          [&] {
            ++began;
            const std::lock_guard wait(hold);
          },
          {1}));
      while (began == 0) std::this_thread::yield();
      for (int i = 0; i < 4; ++i) EXPECT_TRUE(workers->submit([&] { order.push_back('g'); }, {1}));
      EXPECT_FALSE(workers->submit([&] { order.push_back('g'); }, {1}));
      EXPECT_TRUE(workers->submit([&] { order.push_back('m'); }, {2})) << "less than its part";
    }
  }
  EXPECT_EQ(std::string(order.begin(), order.end()), "gmggg");
}

TEST(RealWorkersTest, JobsOfOneThatWeighsThreeAreRunThreeTimesAsOften) {
  std::mutex hold;
  std::atomic<int> began = 0;
  std::string order;  // on the one worker, until it has ended
  {
    const auto workers = make_real_workers(1, 200);
    std::unique_lock closed(hold);
    EXPECT_TRUE(workers->submit(
        [&] {
          ++began;
          const std::lock_guard wait(hold);
        },
        kOwnShare));
    while (began == 0) std::this_thread::yield();
    for (int i = 0; i < 80; ++i) {
      EXPECT_TRUE(workers->submit([&] { order.push_back('1'); }, {.number = 1, .weight = 1}));
      EXPECT_TRUE(workers->submit([&] { order.push_back('3'); }, {.number = 2, .weight = 3}));
    }
    closed.unlock();  // so that the workers' destructor can join
  }
  ASSERT_EQ(order.size(), 160U);
  EXPECT_EQ(std::count(order.begin(), order.begin() + 80, '3'), 60);
}

TEST(RealWorkersTest, ManySubmittersAtOnce) {
  const auto workers = make_real_workers(2, 16);
  std::atomic<int> ran = 0;
  std::atomic<int> accepted = 0;
  std::vector<std::thread> submitters;
  for (int t = 0; t < 3; ++t) {
    submitters.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        if (workers->submit([&] { ++ran; }, kOwnShare)) ++accepted;
      }
    });
  }
  for (std::thread& thread : submitters) thread.join();
  while (ran < accepted) std::this_thread::yield();
  EXPECT_EQ(ran, accepted);
}

TEST(RealWorkersTest, AWorkerThatHasWorkedIsCalledIdleOnceAndAgainAfterItsNextJob) {
  static std::atomic<int> idle;
  idle = 0;
  const auto workers = make_real_workers(1, 4, WorkerPriority::normal, {.after = 1ms, .call = [] { ++idle; }});
  for (int round = 1; round <= 3; ++round) {
    EXPECT_TRUE(workers->submit([] {}, kOwnShare));
    while (idle < round) std::this_thread::yield();
  }
  // Many times as long as it would take to be called once more.
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(idle, 3);
}

TEST(RealWorkersTest, AWorkerThatNeverWorkedIsNotCalledIdle) {
  static std::atomic<int> idle;
  idle = 0;
  {
    const auto workers = make_real_workers(2, 4, WorkerPriority::normal, {.after = 1ms, .call = [] { ++idle; }});
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(idle, 0);
}

TEST(RealSocketsTest, ListensAtItsAddressAndSaysWhyNot) {
  const auto sockets = make_real_sockets();
  const auto one = sockets->listen(*Address::parse("127.0.0.1:0"), {});
  ASSERT_TRUE(one);
  const Address local = sockets->local(*one);
  EXPECT_EQ(local.ip(), "127.0.0.1");
  EXPECT_NE(local.port(), 0);
  EXPECT_TRUE(sockets->peer(*one).empty());
  const auto shared = sockets->listen(local, {});
  ASSERT_TRUE(shared);
  const auto alone = sockets->listen(local, {.reuse_port = false});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error(), EADDRINUSE);
  const auto elsewhere = sockets->listen(*Address::parse("192.0.2.99:0"), {});
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error(), EADDRNOTAVAIL);
  sockets->close(*one);
  sockets->close(*shared);
}

TEST(RealRandomTest, NeverGivesTheSameTwice) {
  const auto random = make_real_random();
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(random->number()).second);
  std::array<std::byte, 1000> wide{};  // more than it draws at once
  random->fill(wide);
  EXPECT_FALSE(std::ranges::all_of(wide, [&](std::byte byte) { return byte == wide[0]; }));
}

TEST(RealClockTest, GoesForward) {
  const auto clock = make_real_clock();
  const Instant before = clock->now();
  std::this_thread::sleep_for(2ms);
  EXPECT_GE(clock->now() - before, 2ms);
  EXPECT_GT(clock->wall(), 1'700'000'000'000);
}

// A core that gives way falls behind by what is left of its slice: with the usual ones, by some 3 ms each time.
TEST(PinThreadTest, ACoreHasTheShortestSlicesAndStaysAsNiceAsItWas) {
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{};
  std::thread([&attributes] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 3), 0);
    pin_thread(allowed_cpus().front(), "pinned");
    ASSERT_EQ(::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0), 0);
  }).join();
  EXPECT_EQ(attributes.policy, 0U);
  EXPECT_EQ(attributes.nice, 3);
  utsname kernel{};
  ASSERT_EQ(::uname(&kernel), 0);
  int major = 0;
  int minor = 0;
  ASSERT_EQ(std::sscanf(kernel.release, "%d.%d", &major, &minor), 2);
  const bool takes_slices = major > 6 || (major == 6 && minor >= 12);
  EXPECT_EQ(attributes.runtime, takes_slices ? 100'000U : 0U);
}

TEST(RealRingTest, ABufferTooManyIsNotGivenToTheKernel) {
  const auto ring = make_real_ring({.submissions = 8, .completions = 16, .buffers = 2});
  ASSERT_TRUE(ring) << ring.error();
  char memory[3];
  (*ring)->provide_buffer(0, &memory[0], 1);
  (*ring)->provide_buffer(1, &memory[1], 1);
  EXPECT_DEATH((*ring)->provide_buffer(2, &memory[2], 1), "check failed: provided_ < buffer_count_");
}

TEST(RealRingTest, SaysWhatStandsInItsWay) {
  const auto ring = make_real_ring({.submissions = 1U << 30, .completions = 1U << 31});
  ASSERT_FALSE(ring);
  EXPECT_NE(ring.error().find("io_uring cannot be used"), std::string::npos);
}

}  // namespace
}  // namespace sluice::io
