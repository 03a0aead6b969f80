// Limits in the whole relay, simulated: sessions on several cores send for one account while the relay is killed and
// started again.  Never more is taken than the limit allows; without a kill, exactly that.
//   SLUICE_SEEDS=1000 .build/release/tests/unit/test_server --gtest_filter='Limits*'      the long form
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/next_hop.h"
#include "tests/support/rounds.h"
#include "tests/support/senders.h"
#include "tests/support/simulated_relay.h"

namespace sluice::server {
namespace {

using namespace std::chrono_literals;

constexpr const char* kLimitsHop = "192.0.2.25";

std::shared_ptr<const Plan> limited_plan(std::uint64_t account, std::uint64_t customer, bool shadow = false,
                                         policy::Span span = policy::Span::month) {
  auto plan = std::make_shared<Plan>(*testing::plan_of(
      "[server]\nhostname = \"relay.example\"\n"
      "[[listener]]\naddress = \"192.0.2.1:587\"\ntls = \"none\"\nauth = \"clear\"\nline_ends = \"refuse\"\n"
      "[queue]\nretry_s = [60]\ndelay_report_s = 0\n"
      "[[route]]\nname = \"hub\"\ntls = \"none\"\nhosts = [\"192.0.2.25\"]\n"));
  const auto limited_to = [span](std::uint64_t amount) {
    return policy::Limit{
        .quantity = policy::Quantity::recipients, .span = span, .amount = amount, .action = policy::Action::refuse};
  };
  policy::PolicyClass limited{.name = "limited",
                              .shadow = shadow,
                              .account_limits = {limited_to(account)},
                              .customer_limits = {limited_to(customer)}};
  plan->classes = std::make_shared<policy::PolicyClasses>(std::vector{limited}, "limited");
  return plan;
}

class LimitedWorld {
 public:
  LimitedWorld(std::uint64_t seed, std::size_t cores)
      : random_(seed),
        platforms_(testing::PlatformKind::simulated, seed, sim::SimOptions::varied(seed)),
        clients_(platforms_.add_loop(testing::kClientHost)),
        hop_(std::make_unique<testing::NextHop>(platforms_.add_loop(kLimitsHop), platforms_.address(kLimitsHop, 25))),
        relay_(platforms_, cores) {
    for (int i = 0; i < 6; ++i)
      senders_.push_back(
          std::make_unique<testing::Sender>(clients_, relay_.address(), seed * 6 + static_cast<unsigned>(i), i));
  }

  void start(std::shared_ptr<const Plan> plan) {
    plan_ = std::move(plan);
    ASSERT_TRUE(relay_.start(plan_));
  }
  void kill() {
    relay_.lose(testing::SimulatedRelay::Loss::process);
    start(plan_);
  }
  // Stops it in order, and starts it again.
  void restart() {
    relay_.drain(1s);
    EXPECT_EQ(relay_.end().operations, 0U);
    start(plan_);
  }
  void set_clock(Duration by) { platforms_.world().jump_wall(by / 1ms); }
  void wait(Duration span) {
    const auto over = std::make_shared<bool>(false);
    platforms_.world().after(span, [over] { *over = true; });
    EXPECT_TRUE(platforms_.run_until([&] { return *over; }));
  }
  // Each sender has so many sessions; the relay is killed so often meanwhile, or its configuration read again.
  void send(int sessions, std::uint64_t kills, std::uint64_t reloads = 0) {
    bool begun = false;
    TaskSet sending;
    clients_.post([&] {
      for (const auto& sender : senders_) sending.add(run(*sender, sessions));
      begun = true;
    });
    const auto all_sent = [&] { return begun && sending.live() == 0; };
    for (; kills + reloads > 0; kills > 0 ? --kills : --reloads) {
      const auto over = std::make_shared<bool>(false);
      platforms_.world().after(random_.between(1ms, 500ms), [over] { *over = true; });
      EXPECT_TRUE(platforms_.run_until([&] { return *over || all_sent(); }));
      if (all_sent()) break;
      if (kills > 0) {
        kill();
      } else {
        relay_.reload(plan_);
      }
    }
    EXPECT_TRUE(platforms_.run_until(all_sent));
  }
  [[nodiscard]] Instant now() const { return clients_.now(); }
  [[nodiscard]] std::uint64_t taken() const {
    std::uint64_t count = 0;
    for (const auto& sender : senders_)
      for (const testing::Sent& each : sender->sent) count += each.taken ? 1 : 0;
    return count;
  }
  void end() {
    hop_->stop();
    EXPECT_TRUE(platforms_.run_until([this] { return hop_->stopped(); }));
    hop_ = nullptr;
    senders_.clear();
    relay_.drain(1s);
    const CoreLeftOver left = relay_.end();
    EXPECT_EQ(left.operations, 0U);
    EXPECT_EQ(left.frames, 0);
  }
  testing::SimulatedRelay& relay() { return relay_; }

 private:
  static Task<void> run(testing::Sender& sender, int sessions) {
    for (int i = 0; i < sessions; ++i) co_await sender.run();
  }

  sim::SimRandom random_;
  testing::Platforms platforms_;
  io::Loop& clients_;
  std::unique_ptr<testing::NextHop> hop_;
  testing::SimulatedRelay relay_;
  std::shared_ptr<const Plan> plan_;
  std::vector<std::unique_ptr<testing::Sender>> senders_;
};

std::uint64_t limits_seeds() { return testing::number_from_environment("SLUICE_SEEDS", testing::rounds(5)); }

TEST(Limits, ExactlyAsManyAsTheLimitAllowsAreTakenOnAllCores) {
  for (std::uint64_t seed = 1; seed <= limits_seeds(); ++seed) {
    for (const std::size_t cores : {1U, 3U}) {
      constexpr std::uint64_t kLimit = 23;
      LimitedWorld world(seed, cores);
      world.start(limited_plan(kLimit, 1000));
      world.send(20, 0);
      EXPECT_EQ(world.taken(), kLimit) << "seed " << seed << ", cores " << cores;
      EXPECT_EQ(world.relay().counter("messages_taken"), kLimit);
      world.end();
    }
  }
}

TEST(Limits, ExactlyAsManyAreTakenThroughReloads) {
  for (std::uint64_t seed = 1; seed <= limits_seeds(); ++seed) {
    constexpr std::uint64_t kLimit = 40;
    LimitedWorld world(seed, 3);
    world.start(limited_plan(kLimit, 1000));
    world.send(20, 0, /*reloads=*/12);
    EXPECT_EQ(world.taken(), kLimit) << "seed " << seed;
    world.end();
  }
}

// Sessions that come as soon as there may be room again, through reloads: in no minute are there more.
TEST(Limits, AtTheEdgesOfAWindowNeverMoreAreTaken) {
  for (std::uint64_t seed = 1; seed <= limits_seeds(); ++seed) {
    constexpr std::uint64_t kLimit = 7;
    sim::SimRandom random(seed);
    LimitedWorld world(seed, 2);
    world.start(limited_plan(kLimit, 1000, /*shadow=*/false, policy::Span::minute));
    struct Round {
      Instant began;
      Instant ended;
      std::uint64_t taken = 0;
    };
    std::vector<Round> rounds;
    const auto send = [&](int sessions) {
      const std::uint64_t before = world.taken();
      Round round{.began = world.now()};
      world.send(sessions, 0, /*reloads=*/1);
      round.ended = world.now();
      round.taken = world.taken() - before;
      rounds.push_back(round);
    };
    for (int i = 0; i < 20; ++i) {
      send(1);
      world.wait(random.between(1s, 25s));
    }
    // A window and a bucket later there is room for as many again.
    world.wait(62s);
    send(3);
    EXPECT_GE(rounds.back().taken, kLimit) << "seed " << seed;
    for (std::size_t first = 0; first < rounds.size(); ++first) {
      std::uint64_t within = 0;
      for (std::size_t i = first; i < rounds.size() && rounds[i].ended - rounds[first].began <= 1min; ++i)
        within += rounds[i].taken;
      EXPECT_LE(within, kLimit) << "seed " << seed << ", round " << first;
    }
    world.end();
  }
}

TEST(Limits, TheCustomersLimitHoldsForAllOfItsAccountsTogether) {
  constexpr std::uint64_t kLimit = 9;
  LimitedWorld world(1, 2);
  world.start(limited_plan(1000, kLimit));
  world.send(10, 0);
  EXPECT_EQ(world.taken(), kLimit);
  world.end();
}

TEST(Limits, AnOrderlyRestartLosesNothingOfThem) {
  constexpr std::uint64_t kLimit = 50;
  LimitedWorld world(3, 2);
  world.start(limited_plan(kLimit, 1000));
  for (int start = 0; start < 3; ++start) {
    world.send(1, 0);
    world.restart();
  }
  EXPECT_LT(world.taken(), kLimit);
  world.send(20, 0);
  EXPECT_EQ(world.taken(), kLimit);
  world.end();
}

// What was leased and recorded ahead at a kill counts as spent: where kills come at once, that may be all of it.
TEST(Limits, NeverMoreAreTakenHoweverOftenTheRelayIsKilled) {
  std::uint64_t taken = 0;
  for (std::uint64_t seed = 1; seed <= limits_seeds(); ++seed) {
    constexpr std::uint64_t kLimit = 30;
    LimitedWorld world(seed, 2);
    world.start(limited_plan(kLimit, 1000));
    world.send(20, 4);
    EXPECT_LE(world.taken(), kLimit) << "seed " << seed;
    taken += world.taken();
    world.end();
  }
  EXPECT_GT(taken, 0U);
}

// While it runs the relay goes by a clock that nobody sets.  At a start it cannot know what is true: what is from the
// future counts as of now, and what is from long ago has left its window.
TEST(Limits, AClockThatIsSetNeitherFreesNorLocksAnybodyForLongerThanAWindow) {
  constexpr std::uint64_t kLimit = 5;
  constexpr Duration kTenYears = 24h * 365 * 10;
  for (const Duration by : {Duration(24h), Duration(-24h), kTenYears, Duration(-kTenYears)}) {
    LimitedWorld world(7, 2);
    world.start(limited_plan(kLimit, 1000, /*shadow=*/false, policy::Span::hour));
    world.send(3, 0);
    EXPECT_EQ(world.taken(), kLimit);
    world.set_clock(by);
    world.send(3, 0);
    EXPECT_EQ(world.taken(), kLimit) << "freed while it runs, by " << by / 1h << " h";
    world.wait(62min);
    world.send(3, 0);
    EXPECT_EQ(world.taken(), 2 * kLimit) << "locked while it runs, by " << by / 1h << " h";
    world.restart();
    world.send(3, 0);
    EXPECT_EQ(world.taken(), (by > Duration::zero() ? 3 : 2) * kLimit) << "by " << by / 1h << " h";
    // And right again.
    world.set_clock(-by);
    world.restart();
    const std::uint64_t before = world.taken();
    world.send(3, 0);
    EXPECT_LE(world.taken(), before + kLimit);
    world.wait(62min);
    const std::uint64_t then = world.taken();
    world.send(3, 0);
    EXPECT_EQ(world.taken(), then + kLimit) << "locked behind a start, by " << by / 1h << " h";
    world.end();
  }
}

TEST(Limits, AClassInShadowRefusesNothing) {
  LimitedWorld world(2, 1);
  world.start(limited_plan(3, 3, /*shadow=*/true));
  world.send(4, 0);
  EXPECT_GT(world.taken(), 3U);
  world.end();
}

}  // namespace
}  // namespace sluice::server
