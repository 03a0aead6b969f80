#include "engine/io/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace sluice::io {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = TimerWheel::kTick;
constexpr Instant kStart{Duration(1'000'000'007)};  // not at a tick of any round number

// A wheel beside a plain list of what is due when.  Checks every firing and what is left after every advance.
class Reference {
 public:
  struct Entry {
    Entry(Reference& reference, std::size_t number) : owner(reference), index(number) {}
    Reference& owner;
    std::size_t index;
    std::optional<Instant> when;  // armed for
    Instant due;                  // the same, but not before it was armed
    std::vector<Duration> rearm;  // from inside fire, one at a time
    Timer timer{[](void* self) { static_cast<Entry*>(self)->fired(); }, this};
    void fired() { owner.fired(*this); }
  };

  explicit Reference(std::size_t timers) {
    for (std::size_t i = 0; i < timers; ++i) entries_.push_back(std::make_unique<Entry>(*this, i));
  }
  ~Reference() {
    for (const auto& entry : entries_) wheel.disarm(entry->timer);
  }
  Entry& operator[](std::size_t i) { return *entries_[i]; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  void arm(Entry& entry, Instant when) {
    entry.when = when;
    entry.due = std::max(when, now);
    wheel.arm(entry.timer, when);
    EXPECT_TRUE(entry.timer.armed());
  }
  void disarm(Entry& entry) {
    entry.when.reset();
    wheel.disarm(entry.timer);
    EXPECT_FALSE(entry.timer.armed());
  }
  void advance(Instant to) {
    now = std::max(now, to);
    wheel.advance(now);
    std::size_t armed = 0;
    for (const auto& entry : entries_) {
      ASSERT_EQ(entry->timer.armed(), entry->when.has_value());
      if (!entry->when) continue;
      ++armed;
      ASSERT_GT(entry->due, now - kTick) << "more than a tick late";
    }
    ASSERT_EQ(wheel.armed(), armed);
    check_next();
  }
  void check_next() const {
    std::optional<Instant> earliest;
    for (const auto& entry : entries_)
      if (entry->when) earliest = std::min(earliest.value_or(Instant::max()), *entry->when);
    ASSERT_EQ(wheel.next().has_value(), earliest.has_value());
    if (!earliest) return;
    ASSERT_GT(*wheel.next(), now - kTick) << "a next that is past would keep the core awake";
    // At the latest at the tick that follows: the one that is due then, or the one after now.
    ASSERT_LE(*wheel.next(), std::max(later(*earliest, kTick), now + kTick));
  }

  TimerWheel wheel{kStart};
  Instant now = kStart;
  std::uint64_t count = 0;

 private:
  void fired(Entry& entry) {
    ++count;
    ASSERT_TRUE(entry.when.has_value()) << "fired although it was disarmed";
    ASSERT_FALSE(entry.timer.armed());
    ASSERT_LE(*entry.when, now) << "early";
    entry.when.reset();
    if (entry.rearm.empty()) return;
    arm(entry, now + entry.rearm.back());
    entry.rearm.pop_back();
  }
  std::vector<std::unique_ptr<Entry>> entries_;
};

// Where wheels go wrong: at ticks, at the ends of slots of every level, far away.
Duration random_delay(std::mt19937_64& random) {
  const Duration near(static_cast<Duration::rep>(random() % 3) - 1);
  switch (random() % 8) {
    case 0:
      return Duration(static_cast<Duration::rep>(random() % static_cast<std::uint64_t>(kTick.count() * 3)));
    case 1:
      return kTick * static_cast<Duration::rep>(random() % 130) + near;
    case 2:
      return kTick * (64 << (6 * (random() % 4))) + near;
    case 3:
      return kTick * static_cast<Duration::rep>(random() % (64 * 64 * 3)) + near;
    case 4:
      return std::chrono::seconds(random() % 4000);
    case 5:
      return std::chrono::hours(random() % (24 * 200));
    case 6:
      return -Duration(static_cast<Duration::rep>(random() % 1'000'000'000));
    default:
      return std::chrono::milliseconds(random() % 1000);
  }
}

class TimerWheelRandomTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(TimerWheelRandomTest, FiresNeverEarlyAndAtMostATickLate) {
  std::mt19937_64 random(GetParam());
  Reference timers(40);
  for (int step = 0; step < 3000; ++step) {
    Reference::Entry& entry = timers[random() % timers.size()];
    switch (random() % 6) {
      case 0:
      case 1:
        timers.arm(entry, timers.now + random_delay(random));
        break;
      case 2:
        timers.disarm(entry);
        break;
      case 3:
        for (std::uint64_t i = random() % 4; i > 0; --i) entry.rearm.push_back(random_delay(random));
        break;
      case 4:
        timers.advance(timers.now);
        break;  // time stands still
      default:
        timers.advance(timers.now + std::max(random_delay(random), Duration::zero()));
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(timers.count, 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimerWheelRandomTest, ::testing::Range(1U, 41U));

TEST(TimerWheelTest, EveryBoundaryOfEveryLevelIsHitExactly) {
  for (const std::uint64_t start_ticks : {0U, 1U, 63U, 64U, 4095U, 4096U, 262'143U}) {
    for (std::uint64_t boundary = 64; boundary <= 64ULL * 64 * 64 * 64; boundary *= 64) {
      for (const int off : {-1, 0, 1}) {
        Reference timers(1);
        timers.advance(kStart + kTick * static_cast<Duration::rep>(start_ticks));
        const Instant due = kStart + kTick * (static_cast<Duration::rep>(boundary + start_ticks) + off);
        timers.arm(timers[0], due);
        timers.advance(due - Duration(1));
        ASSERT_EQ(timers.count, 0U);
        timers.advance(due);
        ASSERT_EQ(timers.count, 1U) << start_ticks << " + " << boundary << " + " << off;
      }
    }
  }
}

TEST(TimerWheelTest, FartherThanTheWheelReachesComesBackRound) {
  Reference timers(3);
  timers.arm(timers[0], kStart + std::chrono::hours(24 * 365));
  timers.arm(timers[1], kStart + std::chrono::hours(24 * 365 * 10));
  timers.arm(timers[2], Instant::max());
  timers.advance(kStart + std::chrono::hours(24 * 364));
  EXPECT_EQ(timers.count, 0U);
  timers.advance(kStart + std::chrono::hours(24 * 366));
  EXPECT_EQ(timers.count, 1U);
  timers.advance(kStart + std::chrono::hours(24 * 365 * 11));  // a jump of ten years, at once
  EXPECT_EQ(timers.count, 2U);
  EXPECT_TRUE(timers[2].timer.armed());
}

TEST(TimerWheelTest, RearmingForNowWaitsForTheNextTickAndDoesNotHang) {
  Reference timers(1);
  timers[0].rearm.assign(5, Duration::zero());
  timers.arm(timers[0], kStart);
  for (int i = 0; i < 20; ++i) timers.advance(kStart + kTick * i);
  EXPECT_EQ(timers.count, 6U);
}

TEST(TimerWheelTest, ATimerMayDisarmAnotherThatIsDueInTheSameTick) {
  struct Pair {
    TimerWheel wheel{kStart};
    int fired = 0;
    Timer one{[](void* self) { static_cast<Pair*>(self)->fire(true); }, this};
    Timer two{[](void* self) { static_cast<Pair*>(self)->fire(false); }, this};
    void fire(bool first) {
      ++fired;
      wheel.disarm(first ? two : one);
    }
  } pair;
  pair.wheel.arm(pair.one, kStart + 1ms);
  pair.wheel.arm(pair.two, kStart + 1ms);
  pair.wheel.advance(kStart + 1s);
  EXPECT_EQ(pair.fired, 1);
  EXPECT_EQ(pair.wheel.armed(), 0U);
}

// It said the end of the lowest level, so that a core with nothing to do woke up twice a second.
TEST(TimerWheelTest, AnIdleCoreWokeUpTwiceASecondForADistantTimer) {
  Reference timers(1);
  timers.arm(timers[0], kStart + 1h);
  int wakes = 0;
  while (timers.count == 0) {
    timers.advance(*timers.wheel.next());
    ASSERT_LT(++wakes, 10);
  }
  EXPECT_LE(timers.now, kStart + 1h + kTick);
}

// With a wheel that began near zero, the rounding up overflowed into the past, and the timer fired at once.
TEST(TimerWheelTest, ATimerForTheEndOfTimeFiredAtOnce) {
  TimerWheel wheel{Instant()};
  bool fired = false;
  Timer timer([](void* flag) { *static_cast<bool*>(flag) = true; }, &fired);
  wheel.arm(timer, Instant::max());
  wheel.advance(Instant(std::chrono::hours(1)));
  EXPECT_FALSE(fired);
  EXPECT_TRUE(wheel.next().has_value());
  wheel.disarm(timer);
}

TEST(TimerWheelTest, AClockThatGoesBackFiresNothingTwice) {
  Reference timers(1);
  timers.arm(timers[0], kStart + 1s);
  timers.wheel.advance(kStart + 500ms);
  timers.wheel.advance(kStart + 100ms);
  timers.wheel.advance(kStart - 1h);
  EXPECT_TRUE(timers[0].timer.armed());
  timers.advance(kStart + 1s + kTick);
  EXPECT_EQ(timers.count, 1U);
}

TEST(TimerWheelDeathTest, AnArmedTimerDoesNotGo) {
  TimerWheel wheel(kStart);
  EXPECT_DEATH(
      {
        Timer timer([](void*) {}, nullptr);
        wheel.arm(timer, kStart + 1s);
      },
      "check failed: !armed");
}

}  // namespace
}  // namespace sluice::io
