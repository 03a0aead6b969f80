// The way of events to consumers: to emit never waits, nothing gets mixed up, and
// what is lost is counted.
#include "engine/event/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/check.h"
#include "tests/support/stopped_clock.h"

namespace sluice::event {
namespace {

using sluice::testing::StoppedClock;

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Keeps "NAME TEXT NUMBER" of what it takes: the first text and the first number of each event.
class Keeping : public Consumer {
 public:
  void take(const Event& event) override {
    held_ = true;
    hold_.wait(true);
    std::string words(event.row.name);
    for (const Value& value : event.values) {
      if (const auto* text = std::get_if<std::string_view>(&value)) words += " " + std::string(*text);
      if (const auto* number = std::get_if<std::uint64_t>(&value)) words += " " + std::to_string(*number);
    }
    const std::lock_guard lock(mutex_);
    taken_.push_back(std::move(words));
  }
  Rest turn(Emitter& /*own*/) override { return {}; }

  // take() waits.
  void hold(bool hold) {
    hold_ = hold;
    hold_.notify_all();
  }
  bool held() const { return held_; }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  std::atomic<bool> hold_ = false;
  std::atomic<bool> held_ = false;  // take() was called
  std::mutex mutex_;
  std::vector<std::string> taken_;
};

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

constexpr DispatcherOptions kOptions{.ring_bytes = 32 * 1024, .interval = 5ms, .flush_timeout = 100ms};

class DispatcherTest : public ::testing::Test {
 protected:
  explicit DispatcherTest(const DispatcherOptions& options = kOptions) : dispatcher_(options, clock_) {
    dispatcher_.add(consumer_);
  }
  ~DispatcherTest() override { dispatcher_.stop(); }

  StoppedClock clock_;
  Keeping consumer_;
  Dispatcher dispatcher_;
};

// So long that the event thread looks at the rings when it is woken, and else at the end.
class DispatcherAsleep : public DispatcherTest {
 protected:
  DispatcherAsleep() : DispatcherTest({.ring_bytes = 32 * 1024, .interval = 100s, .flush_timeout = 100ms}) {}
};

TEST_F(DispatcherTest, WithoutItsThreadAnEventIsThereAtOnce) {
  dispatcher_.open().emit(Listening{.address = "192.0.2.1:25"});
  EXPECT_THAT(consumer_.taken(), ElementsAre("listening 192.0.2.1:25"));
}

TEST_F(DispatcherTest, EveryConsumerSeesEveryEvent) {
  Keeping other;
  dispatcher_.add(other);
  dispatcher_.open().emit(Listening{.address = "192.0.2.1:25"});
  EXPECT_EQ(other.taken(), consumer_.taken());
}

TEST_F(DispatcherTest, ManyThreadsLoseAndMixNothing) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kEvents = 2000;
  StoppedClock clock;
  Keeping consumer;
  Dispatcher dispatcher({.ring_bytes = 1024 * 1024, .interval = 5ms, .flush_timeout = 100ms}, clock);
  dispatcher.add(consumer);
  dispatcher.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&dispatcher, t] {
      Emitter& events = dispatcher.open();
      const std::string name = std::to_string(t);
      for (std::uint64_t n = 0; n < kEvents; ++n) events.emit(Started{.hostname = name, .cores = n});
    });
  for (std::thread& thread : threads) thread.join();
  dispatcher.stop();
  std::map<std::string, std::uint64_t> next;
  for (const std::string& words : consumer.taken()) {
    const std::string thread = words.substr(8, 1);
    ASSERT_EQ(words, "started " + thread + " " + std::to_string(next[thread]++) + " 0");
  }
  EXPECT_EQ(next.size(), std::size_t{kThreads});
  for (const auto& [thread, count] : next) EXPECT_EQ(count, kEvents) << thread;
}

TEST_F(DispatcherAsleep, OneEventWakesTheThread) {
  Emitter& events = dispatcher_.open();
  dispatcher_.start();
  events.emit(Listening{.address = "a"});
  EXPECT_TRUE(eventually([&] { return consumer_.taken().size() == 1; }));
}

TEST_F(DispatcherAsleep, AHalfFullRingWakesTheThread) {
  Emitter& events = dispatcher_.open();
  dispatcher_.start();
  events.emit(Listening{.address = "a"});
  ASSERT_TRUE(eventually([&] { return consumer_.taken().size() == 1; }));
  // It rests for its interval now.
  std::uint64_t emitted = 1;
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i, ++emitted) events.emit(Listening{.address = std::string(500, 'x')});
    return consumer_.taken().size() > 1;
  }));
}

std::atomic<int> ways_given = 0;

// A core that had the same CPU waited until all was written that it had recorded since the last round: half a
// millisecond and more under load.
TEST(DispatcherTurns, ARoundIsDoneInPartsBetweenWhichACoreGoesOn) {
  StoppedClock clock;
  Keeping consumer;
  Dispatcher dispatcher(
      {.ring_bytes = 1024 * 1024, .interval = 100s, .flush_timeout = 100ms, .give_way = [] { ++ways_given; }}, clock);
  dispatcher.add(consumer);
  dispatcher.start();
  Emitter& events = dispatcher.open();
  ways_given = 0;
  for (std::uint64_t n = 0; n < 1000; ++n) events.emit(Started{.hostname = "a", .cores = n});
  dispatcher.stop();
  EXPECT_EQ(consumer.taken().size(), 1000U);
  EXPECT_GE(ways_given, 1000 / 64 - 3) << "some rounds end between two";
}

TEST(DispatcherTurns, ARingThatMayOverflowIsEmptiedFirst) {
  StoppedClock clock;
  Keeping consumer;
  Dispatcher dispatcher(
      {.ring_bytes = 32 * 1024, .interval = 100s, .flush_timeout = 100ms, .give_way = [] { ++ways_given; }}, clock);
  dispatcher.add(consumer);
  Emitter& events = dispatcher.open();
  consumer.hold(true);
  dispatcher.start();
  events.emit(Listening{.address = "a"});  // the consumer has it, and all others wait
  ASSERT_TRUE(eventually([&] { return consumer.held(); }));
  ways_given = 0;
  int emitted = 0;
  for (; events.lost() == 0; ++emitted) events.emit(Listening{.address = "b"});
  consumer.hold(false);
  dispatcher.stop();
  EXPECT_GT(emitted, 4 * 64);
  EXPECT_LE(ways_given, emitted / 2 / 64 + 1) << "none in the first half";
  EXPECT_GE(ways_given, emitted / 3 / 64);
}

TEST_F(DispatcherTest, WhatIsBelowTheLeastSeverityIsNotRecorded) {
  dispatcher_.set_least(consumer_, Severity::warning);
  Emitter& events = dispatcher_.open();
  events.emit(Login{.result = "granted"}, Severity::debug);
  events.emit(Listening{.address = "a"});
  EXPECT_THAT(consumer_.taken(), IsEmpty());
  events.emit(LimitReduced{.what = "b"});
  EXPECT_EQ(consumer_.taken().size(), 1U);
}

// Holds the event thread in take(), as a consumer must not.
class Held final : public Keeping {
 public:
  void take(const Event& event) override {
    while (held.load()) std::this_thread::sleep_for(1ms);
    Keeping::take(event);
  }
  std::atomic<bool> held{true};
};

// What must not happen: events are lost without a word.
TEST_F(DispatcherTest, WhatIsLostIsCountedAndReported) {
  constexpr std::uint64_t kEvents = 2000;
  constexpr std::uint64_t kErrors = 2000;
  Held held;
  dispatcher_.add(held);
  Emitter& events = dispatcher_.open();
  dispatcher_.start();
  for (std::uint64_t n = 0; n < kEvents; ++n) events.emit(Listening{.address = "192.0.2.1:25"});
  const std::uint64_t lost = events.lost();
  EXPECT_GT(lost, 0U);
  events.emit(SpoolFault{.what = "an error has room where others have none"});
  EXPECT_EQ(events.lost(), lost);
  for (std::uint64_t n = 1; n < kErrors; ++n) events.emit(SpoolFault{.what = "192.0.2.1:25"});
  const std::uint64_t errors_lost = events.lost() - lost;
  EXPECT_GT(errors_lost, 0U);
  held.held = false;
  dispatcher_.stop();
  const std::vector<std::string> taken = consumer_.taken();
  EXPECT_THAT(taken, ::testing::Contains(HasSubstr("an error has room")));
  EXPECT_THAT(taken, ::testing::Contains("events_lost " + std::to_string(lost + errors_lost) + " " +
                                         std::to_string(errors_lost)));
  EXPECT_EQ(taken.size(), kEvents + kErrors - events.lost() + 1);
}

TEST_F(DispatcherAsleep, StopGivesConsumersWhatIsLeft) {
  Emitter& events = dispatcher_.open();
  dispatcher_.start();
  for (int n = 0; n < 100; ++n) events.emit(Listening{.address = "a"});
  dispatcher_.stop();
  EXPECT_EQ(consumer_.taken().size(), 100U);
  events.emit(Listening{.address = "late"});
  EXPECT_EQ(consumer_.taken().size(), 101U);
}

// Emits an event of its own in its first turn, and needs ten turns to put it away.
class Slow final : public Consumer {
 public:
  explicit Slow(int timeout_ms) : timeout_ms_(timeout_ms) {}
  void take(const Event& /*event*/) override { ++taken; }
  Rest turn(Emitter& own) override {
    if (++turns == 1) own.emit(LogDropped{.dropped = 1});
    return {.pending = turns < 10, .timeout_ms = turns < 10 ? timeout_ms_ : -1};
  }
  std::atomic<int> turns = 0;
  int taken = 0;

 private:
  int timeout_ms_;
};

TEST_F(DispatcherTest, AConsumersOwnEventsAreSeenByAll) {
  Slow slow(-1);
  dispatcher_.add(slow);
  dispatcher_.request_turn();
  EXPECT_THAT(consumer_.taken(), ElementsAre("log_dropped 1"));
  EXPECT_EQ(slow.taken, 1);
}

TEST_F(DispatcherAsleep, AConsumerHasItsTurnWhenItAskedForIt) {
  Slow slow(1);
  dispatcher_.add(slow);
  dispatcher_.start();
  EXPECT_TRUE(eventually([&] { return slow.turns == 10; }));
  dispatcher_.stop();
}

TEST_F(DispatcherTest, StopWaitsForAConsumerThatHasSomethingToPutAway) {
  Slow slow(-1);
  dispatcher_.add(slow);
  dispatcher_.start();
  dispatcher_.stop();
  EXPECT_EQ(slow.turns, 10);
}

// Writes at once, so that it can be read when the process is gone.
class ToFile final : public Consumer {
 public:
  explicit ToFile(std::string path) : path_(std::move(path)) {}
  void take(const Event& event) override { std::ofstream(path_, std::ios::app) << event.row.name << "\n"; }
  Rest turn(Emitter& /*own*/) override { return {}; }

 private:
  std::string path_;
};

TEST(DispatcherDeathTest, WhatIsInTheRingsIsTakenOffThemWhenACheckFails) {
  const std::string path = ::testing::TempDir() + "events_at_a_crash." + std::to_string(::getpid());
  const auto crash = [&path] {
    StoppedClock clock;
    ToFile consumer(path);
    Dispatcher dispatcher({.interval = 100s}, clock);
    dispatcher.add(consumer);
    Emitter& events = dispatcher.open();
    dispatcher.start();
    events.emit(Listening{.address = "a"});
    std::this_thread::sleep_for(50ms);  // the event thread rests for its interval now
    events.emit(StoreFault{.error = "the last that was seen"});
    CHECK(path.empty());
  };
  EXPECT_DEATH(crash(), "check failed: path.empty()");
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, "listening\nstore\n");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace sluice::event
