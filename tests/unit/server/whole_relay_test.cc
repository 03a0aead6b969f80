// The whole relay in one simulated world: the real sessions on one side, the real sinks, spool and queue behind them,
// next hops on the other, and everything between them breaks.  Whatever was answered with 250 comes to a next hop as it
// was sent; what nobody may send never does.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/senders.h"
#include "tests/support/sessions.h"
#include "tests/unit/relay/queue_fixture.h"

namespace sluice::server {
namespace {

using namespace std::chrono_literals;
using testing::HopFault;
using testing::HopStage;

// What sessions are given, as Generation gives it.
class Sinks final : public message::MessageSinkFactory, public session::IdSource {
 public:
  explicit Sinks(relay::QueueFixture& fixture) : fixture_(fixture) {}
  std::unique_ptr<message::MessageSink> make(const message::Submitter& submitter) override {
    return std::make_unique<relay::Incoming>(relay::Incoming::Parts{.loop = fixture_.fixture.loop,
                                                                    .router = fixture_.router(),
                                                                    .spool = fixture_.spool(),
                                                                    .queue = fixture_.queue()},
                                             submitter);
  }
  [[nodiscard]] const smtp::StandardReply* refusal() const override {
    return fixture_.spool().accepting() ? nullptr : &smtp::replies::kNoSpace;
  }
  std::string next() override { return fixture_.next_id(); }

 private:
  relay::QueueFixture& fixture_;
};

void break_hops(relay::QueueFixture& fixture, sim::SimRandom& random) {
  constexpr HopStage kStages[] = {HopStage::greeting, HopStage::ehlo, HopStage::mail,    HopStage::recipient,
                                  HopStage::data,     HopStage::body, HopStage::message, HopStage::rset};
  for (const auto& hop : fixture.fixture.hops) {
    for (std::uint64_t i = random.below(6); i > 0; --i) {
      HopFault fault{.stage = kStages[random.below(std::size(kStages))],
                     .after = static_cast<unsigned>(random.below(4)),
                     .count = static_cast<unsigned>(random.between(1, 5))};
      if (random.percent(30)) fault.stall = random.between(1s, 20min);
      if (random.percent(50)) {
        fault.hang_up = true;
        fault.bytes = random.below(500);
      } else if (fault.stage != HopStage::body && random.percent(50)) {
        fault.say = "451 4.3.0 Not now\r\n";
      } else if (fault.stage != HopStage::body) {
        fault.say_too = "250 2.0.0 Ok\r\n";
        if (random.percent(50)) fault.too_late = random.between(1ms, 60ms);
      }
      hop->add(fault);
    }
  }
}

void break_disk(sim::SimWorld& world, sim::SimRandom& random) {
  constexpr std::array<int, 2> kErrors{EIO, ENOSPC};
  for (std::uint64_t i = random.below(3); i > 0; --i)
    world.faults().add(sim::SimFault{.call = sim::SimCall::write_file,
                                     .after = random.below(20),
                                     .count = random.between(1, 3),
                                     .error = kErrors[random.below(2)]});
}

struct Tally {
  std::uint64_t taken = 0;
  std::uint64_t delivered = 0;
  std::uint64_t stored = 0;
};

void compare(relay::QueueFixture& fixture, const std::vector<std::unique_ptr<testing::Sender>>& senders, Tally& tally) {
  std::map<std::string, int> arrived;  // how often it was answered with 250
  for (const auto& hop : fixture.fixture.hops) {
    for (const testing::HopMessage& message : hop->ledger) {
      const std::size_t start = message.content.find("From: <");
      ASSERT_NE(start, std::string::npos);
      arrived[message.content.substr(start)] += message.answered ? 1 : 0;
      EXPECT_EQ(message.reverse_path, "ann@example.com");
      EXPECT_EQ(message.recipients, std::vector<std::string>{"bob@example.net"});
      tally.delivered += message.answered ? 1U : 0U;
    }
  }
  for (const auto& sender : senders) {
    for (const testing::Sent& sent : sender->sent) {
      const auto found = arrived.extract(sent.body);
      if (sent.taken) EXPECT_TRUE(found && found.mapped() >= 1) << "lost";
      if (sent.kind != testing::SentKind::honest) EXPECT_FALSE(found);
      tally.taken += sent.taken ? 1U : 0U;
    }
  }
  EXPECT_TRUE(arrived.empty()) << "delivered, but never sent like that: " << arrived.begin()->first;
}

// Returns the hash of all that happened.
std::uint64_t live_through(std::uint64_t seed, Tally& tally) {
  sim::SimRandom random(seed);
  relay::QueueFixture fixture(seed, sim::SimOptions::varied(seed), 2);
  fixture.fixture.route.fallback = true;
  if (random.percent(30)) fixture.fixture.route.mode = route::RouteMode::store;
  if (random.percent(30)) fixture.fixture.route.dialog = route::RouteDialog::eager;
  // In some worlds a line brings a byte a millisecond.
  for (Duration route::Route::* timeout : {&route::Route::command_timeout, &route::Route::data_timeout,
                                           &route::Route::block_timeout, &route::Route::final_timeout})
    fixture.fixture.route.*timeout = 10min;
  fixture.options().expire = 24h;
  fixture.start();
  testing::Platforms& platforms = fixture.fixture.platforms;
  io::Loop& there = platforms.add_loop(testing::kClientHost);
  Sinks sinks(fixture);
  testing::SessionHost host(platforms, fixture.fixture.loop, &sinks, &sinks);
  testing::break_network(platforms.world(), random);
  break_hops(fixture, random);
  break_disk(platforms.world(), random);
  std::vector<std::unique_ptr<testing::Sender>> senders;
  TaskSet tasks;
  for (int i = 0; i < 5; ++i)
    senders.push_back(std::make_unique<testing::Sender>(there, host.address(), seed * 5 + static_cast<unsigned>(i), i));
  bool begun = false;
  there.post([&] {
    for (const auto& sender : senders) tasks.add(sender->run());
    begun = true;
  });
  EXPECT_TRUE(platforms.run_until([&] { return begun && tasks.live() == 0; }));
  host.close();
  tally.stored += fixture.spool().counters().stored;
  // Somebody restarts it, and what was broken is repaired.
  if (random.percent(50)) {
    fixture.stop();
    fixture.start();
  }
  platforms.world().faults().clear();
  for (const auto& hop : fixture.fixture.hops) hop->forgive();
  EXPECT_TRUE(fixture.run_until([&] { return fixture.empty(); }))
      << fixture.spool().messages() << " are left in the queue";
  compare(fixture, senders, tally);
  return platforms.world().trace_hash();
}

TEST(WholeRelayTest, WhateverBreaksA250IsDelivered) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, tally);
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%llu answered 250, %llu of all delivered, %llu stored on the way\n",
              static_cast<unsigned long long>(tally.taken), static_cast<unsigned long long>(tally.delivered),
              static_cast<unsigned long long>(tally.stored));
  EXPECT_GT(tally.taken, 300U);
  EXPECT_GT(tally.stored, 50U);
}

TEST(WholeRelayTest, TheSameSeedIsTheSameWorld) {
  Tally tally;
  for (const std::uint64_t seed : {3U, 77U}) EXPECT_EQ(live_through(seed, tally), live_through(seed, tally));
}

}  // namespace
}  // namespace sluice::server
