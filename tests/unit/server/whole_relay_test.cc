// The whole relay in one simulated world: clients on one side, next hops on the other, server::Core between them, and
// everything breaks.  It is reloaded, stopped, killed and started again while mail comes in.  Whatever was answered
// with 250 comes to a next hop as it was sent; what nobody may send never does; and nothing is left over of any core.
//   SLUICE_SEEDS=1000 .build/release/tests/unit/test_server --gtest_filter='WholeRelay*'      the long form
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/next_hop.h"
#include "tests/support/rounds.h"
#include "tests/support/senders.h"
#include "tests/support/simulated_relay.h"

namespace sluice::server {
namespace {

using namespace std::chrono_literals;
using testing::HopFault;
using testing::HopStage;
using testing::SimulatedRelay;

constexpr std::array<const char*, 2> kWholeRelayHops{"192.0.2.25", "192.0.2.26"};

// What happened in all worlds.
struct Tally {
  std::uint64_t taken = 0;  // messages whose clients were told 250
  std::uint64_t delivered = 0;
  std::uint64_t stored = 0;
  std::uint64_t reloads = 0;
  std::uint64_t reloads_failed = 0;
  std::uint64_t reloads_while_draining = 0;
  std::uint64_t account_changes = 0;
  std::uint64_t stops = 0;
  std::uint64_t kills = 0;
  std::uint64_t sessions_met = 0;  // by stops and kills
  std::uint64_t starts_failed = 0;
  std::uint64_t generations_max = 0;  // at one time
};

// ------------------------------------------------------------------------------------------ configurations

std::string flag(bool value) { return value ? "true" : "false"; }

// One that works; of what needs no restart to be changed, everything may be different each time.
std::string any_configuration(sim::SimRandom& random) {
  const auto number = [&](std::uint64_t low, std::uint64_t high) { return std::to_string(random.between(low, high)); };
  std::string text =
      "[server]\nhostname = \"relay.example\"\n"
      "[[listener]]\naddress = \"192.0.2.1:587\"\ntls = \"none\"\nauth = \"clear\"\nline_ends = \"refuse\"\n"
      "[dns]\nunwanted = []\n";
  text += "[spool]\nwhen_full = \"" + std::string(random.percent(50) ? "refuse" : "cut_through") + "\"\n";
  // Nobody is sent a report: each message is to be delivered.
  text += "[queue]\nretry_s = [60]\ndelay_report_s = 0\nsuspend_first_s = 10\nsuspend_max_s = 10\nrunning = " +
          number(1, 20) + "\n";
  text += "[limits]\nsessions_per_core = " + number(3, 20) + "\noutgoing_per_core = " + number(1, 10) + "\n";
  text += "[[route]]\nname = \"" + std::string(random.percent(50) ? "farm" : "hub") + "\"\ntls = \"none\"\n";
  switch (random.below(4)) {
    case 0:
      text += "mx = true\n";
      break;
    case 1:
      text += "hosts = [\"192.0.2.25\"]\n";
      break;
    case 2:
      text += "hosts = [\"192.0.2.26\"]\n";
      break;
    default:
      text += "hosts = [\"192.0.2.25\", \"192.0.2.26\"]\n";
  }
  const bool store = random.percent(30);
  if (store) text += "mode = \"store\"\n";
  if (!store && random.percent(30)) text += "dialog = \"eager\"\n";
  if (!store) text += "fallback = " + flag(random.percent(80)) + "\n";
  text += "chunking = " + flag(random.percent(70)) + "\nconcurrency = " + number(1, 5) +
          "\nconnections_per_host = " + number(1, 3) + "\nmessages_per_connection = " + number(0, 4) + "\n";
  // In some worlds a line brings a byte a millisecond.
  return text + "reply_s = 600\ndata_s = 600\nblock_s = 600\nfinal_s = 600\n";
}

// ------------------------------------------------------------------------------------------ what breaks

void break_hop(testing::NextHop& hop, sim::SimRandom& random) {
  constexpr HopStage kStages[] = {HopStage::greeting, HopStage::ehlo, HopStage::mail,    HopStage::recipient,
                                  HopStage::data,     HopStage::body, HopStage::message, HopStage::rset};
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
    hop.add(fault);
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

// ------------------------------------------------------------------------------------------ one world

class World {
 public:
  World(std::uint64_t seed, Tally& tally)
      : random_(seed),
        tally_(tally),
        platforms_(testing::PlatformKind::simulated, seed, sim::SimOptions::varied(seed)),
        clients_(platforms_.add_loop(testing::kClientHost)),
        relay_(platforms_, random_.percent(30) ? 2 : 1) {
    for (std::size_t i = 0; i < kWholeRelayHops.size(); ++i) {
      hops_.push_back(std::make_unique<testing::NextHop>(platforms_.add_loop(kWholeRelayHops[i]),
                                                         platforms_.address(kWholeRelayHops[i], 25)));
      const std::string name = "mx" + std::to_string(i) + ".example.net";
      world().dns().add_mx("example.net", static_cast<std::uint16_t>(10 * i), name);
      world().dns().add_address(name, kWholeRelayHops[i]);
    }
    for (int i = 0; i < 5; ++i)
      senders_.push_back(
          std::make_unique<testing::Sender>(clients_, relay_.address(), seed * 5 + static_cast<unsigned>(i), i));
  }

  // Returns the hash of all that happened.
  std::uint64_t live() {
    testing::break_network(world(), random_);
    for (const auto& hop : hops_) break_hop(*hop, random_);
    break_disk(world(), random_);
    start();
    begin_sending();
    for (std::uint64_t left = random_.below(8); left > 0 && passes(random_.between(1ms, longest())); --left)
      interfere();
    EXPECT_TRUE(platforms_.run_until([this] { return all_sent(); }));
    repair();
    compare();
    end();
    return world().trace_hash();
  }

 private:
  sim::SimWorld& world() { return platforms_.world(); }
  [[nodiscard]] bool all_sent() const { return begun_ && sending_.live() == 0; }
  // From what a command takes to what a next hop that stalls does.
  Duration longest() {
    constexpr std::array<Duration, 4> kLongest{20ms, 1s, 1min, 20min};
    return kLongest[random_.below(kLongest.size())];
  }
  // False when all has been sent before.
  bool passes(Duration time) {
    const auto over = std::make_shared<bool>(false);
    world().after(time, [over] { *over = true; });
    EXPECT_TRUE(platforms_.run_until([&] { return *over || all_sent(); }));
    return !all_sent();
  }

  Task<void> send(testing::Sender& sender, std::vector<Duration> pauses) {
    for (const Duration pause : pauses) {
      co_await clients_.sleep(pause, "the next session");
      co_await sender.run();
    }
  }
  void begin_sending() {
    clients_.post([this] {
      for (const auto& sender : senders_) {
        std::vector<Duration> pauses(random_.between(1, 3));
        for (Duration& pause : pauses) pause = random_.between(0ms, longest());
        sending_.add(send(*sender, std::move(pauses)));
      }
      begun_ = true;
    });
  }

  // A disk that fails at the start is repaired by the operator, who then starts the relay again.
  void start() {
    if (relay_.start(testing::plan_of(any_configuration(random_)))) return;
    ++tally_.starts_failed;
    world().faults().clear();
    const auto started = relay_.start(testing::plan_of(any_configuration(random_)));
    EXPECT_TRUE(started) << started.error();
  }

  void interfere() {
    const std::uint64_t what = random_.below(100);
    if (what < 45) {
      reload();
    } else if (what < 55) {
      relay_.accounts.suspended = random_.percent(50);
      relay_.forget_credentials();
      ++tally_.account_changes;
    } else if (what < 60) {
      // The host of least preference at most: else its mail would have nowhere to go.
      relay_.set_machine_addresses(random_.percent(50)
                                       ? std::vector<std::string>{testing::kRelayHost}
                                       : std::vector<std::string>{testing::kRelayHost, kWholeRelayHops[1]});
    } else if (what < 80) {
      stop();
      start_again();
    } else {
      tally_.sessions_met += relay_.counter("sessions_live");
      relay_.lose(random_.percent(50) ? SimulatedRelay::Loss::process : SimulatedRelay::Loss::power);
      ++tally_.kills;
      start_again();
    }
  }
  void reload() {
    auto plan = testing::plan_of(any_configuration(random_));
    if (random_.percent(15)) {
      auto broken = std::make_shared<Plan>(*plan);
      broken->routes[0].tls = route::RouteTls::required;
      broken->routes[0].verify = true;
      broken->routes[0].ca_pem = "no certificate";
      plan = std::move(broken);
    }
    relay_.reload(plan);
    ++tally_.reloads;
  }
  void stop() {
    tally_.sessions_met += relay_.counter("sessions_live");
    relay_.drain(random_.between(0ms, longest()));
    ++tally_.stops;
    if (random_.percent(50) && passes(random_.percent(50) ? 0ms : random_.between(0ms, 100ms)) && !relay_.drained()) {
      reload();
      ++tally_.reloads_while_draining;
    }
    if (random_.percent(10)) {
      relay_.lose(SimulatedRelay::Loss::process);
      return;
    }
    note();
    expect_nothing_of_loops(relay_.end());
  }
  void start_again() {
    passes(random_.between(0ms, longest()));
    start();
  }
  void note() {
    tally_.stored += relay_.counter("spool_stored");
    tally_.generations_max = std::max(tally_.generations_max, relay_.counter("generations_live"));
  }
  // The others' frames and blocks are of the same thread.
  static void expect_nothing_of_loops(const CoreLeftOver& left) {
    EXPECT_EQ(left.buffers, 0U);
    EXPECT_EQ(left.operations, 0U);
  }

  // What was broken is repaired, and the operator restarts the relay, or reloads it.
  void repair() {
    world().faults().clear();
    for (const auto& hop : hops_) hop->clear_faults();
    relay_.set_machine_addresses({testing::kRelayHost});
    if (random_.percent(50)) {
      stop();
      start();
    } else {
      reload();
    }
    EXPECT_TRUE(platforms_.run_until([this] { return relay_.messages() == 0; }))
        << relay_.messages() << " are left in the queue";
    note();
    tally_.reloads_failed += relay_.reloads_failed();
    // No old generation outlives its sessions and deliveries.
    EXPECT_TRUE(platforms_.run_until([this] { return relay_.counter("generations_live") == relay_.cores(); }));
  }

  void compare() {
    std::map<std::string, int> arrived;  // how often it was answered with 250
    for (const auto& hop : hops_) {
      for (const testing::HopMessage& message : hop->ledger) {
        const std::size_t start = message.content.find("From: <");
        ASSERT_NE(start, std::string::npos);
        arrived[message.content.substr(start)] += message.answered ? 1 : 0;
        EXPECT_EQ(message.reverse_path, "ann@example.com");
        EXPECT_EQ(message.recipients, std::vector<std::string>{"bob@example.net"});
        tally_.delivered += message.answered ? 1U : 0U;
      }
    }
    for (const auto& sender : senders_) {
      for (const testing::Sent& sent : sender->sent) {
        const auto found = arrived.extract(sent.body);
        if (sent.taken) EXPECT_TRUE(found && found.mapped() >= 1) << "lost: " << sent.body.substr(0, 100);
        if (sent.kind != testing::SentKind::honest) EXPECT_FALSE(found);
        tally_.taken += sent.taken ? 1U : 0U;
      }
    }
    EXPECT_TRUE(arrived.empty()) << "delivered, but never sent like that: " << arrived.begin()->first;
  }

  // The relay is the last one, so that whatever is left is its own.
  void end() {
    for (const auto& hop : hops_) hop->stop();
    EXPECT_TRUE(platforms_.run_until(
        [this] { return std::ranges::all_of(hops_, [](const auto& hop) { return hop->stopped(); }); }));
    for (const auto& hop : hops_) EXPECT_TRUE(hop->violations.empty()) << hop->violations.front();
    hops_.clear();
    senders_.clear();
    relay_.drain(random_.between(0ms, longest()));
    const CoreLeftOver left = relay_.end();
    expect_nothing_of_loops(left);
    EXPECT_EQ(left.frames, 0);
    EXPECT_EQ(left.heap_blocks, 0);
  }

  sim::SimRandom random_;
  Tally& tally_;
  testing::Platforms platforms_;
  io::Loop& clients_;
  SimulatedRelay relay_;
  std::vector<std::unique_ptr<testing::NextHop>> hops_;
  std::vector<std::unique_ptr<testing::Sender>> senders_;
  TaskSet sending_;
  bool begun_ = false;
};

std::uint64_t seeds() { return testing::number_from_environment("SLUICE_SEEDS", testing::rounds(100)); }

// To try one of them again.
std::uint64_t first_seed() { return testing::number_from_environment("SLUICE_FIRST_SEED", 1); }

void print(const Tally& tally) {
  for (const auto& [what, count] : {std::pair<const char*, std::uint64_t>{"answered 250", tally.taken},
                                    {"delivered, all in all", tally.delivered},
                                    {"stored on the way", tally.stored},
                                    {"reloads", tally.reloads},
                                    {"of these failed, on a core", tally.reloads_failed},
                                    {"of these while it stopped", tally.reloads_while_draining},
                                    {"generations at one time, at most", tally.generations_max},
                                    {"changes of accounts", tally.account_changes},
                                    {"stops", tally.stops},
                                    {"kills and losses of power", tally.kills},
                                    {"sessions that these met", tally.sessions_met},
                                    {"starts that failed", tally.starts_failed}})
    std::printf("%llu %s\n", static_cast<unsigned long long>(count), what);
}

TEST(WholeRelayTest, WhateverBreaksA250IsDelivered) {
  Tally tally;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    SCOPED_TRACE(seed);
    World(seed, tally).live();
    if (::testing::Test::HasFailure()) return;
  }
  print(tally);
  if (seeds() < 100) return;  // of few worlds nothing can be said
  EXPECT_GT(tally.taken, 2 * seeds());
  EXPECT_GT(tally.stored, seeds() / 3);
  EXPECT_GT(tally.reloads, seeds());
  EXPECT_GT(tally.stops, seeds() / 2);
  EXPECT_GT(tally.kills, seeds() / 4);
  EXPECT_GT(tally.reloads_while_draining, seeds() / 50);
}

TEST(WholeRelayTest, TheSameSeedIsTheSameWorld) {
  Tally tally;
  for (const std::uint64_t seed : {3U, 77U}) EXPECT_EQ(World(seed, tally).live(), World(seed, tally).live());
}

}  // namespace
}  // namespace sluice::server
