// Many worlds, each from its seed: several clients that send honest and dishonest messages in pieces of any size, over
// a network that delays, breaks and runs out of everything. Whatever happens, a 250 after a message means that it is in
// the ledger as it was sent, nothing else is, and nothing is left behind.
#include <map>

#include "tests/support/rounds.h"
#include "tests/support/senders.h"
#include "tests/support/sessions.h"

namespace sluice::session {
namespace {

using namespace std::chrono_literals;
using testing::break_network;
using testing::Platforms;
using testing::Sender;
using testing::SessionHost;

// The ledger holds what was sent honestly, at most once, whole; and all that was answered with 250.
void compare(const std::vector<testing::TakenMessage>& ledger, const std::vector<std::unique_ptr<Sender>>& senders) {
  std::map<std::string, int> in_ledger;
  for (const testing::TakenMessage& taken : ledger) {
    const std::size_t start = taken.content.find("From: <");
    ASSERT_NE(start, std::string::npos);
    ++in_ledger[taken.content.substr(start)];
    EXPECT_EQ(taken.envelope.reverse_path, "ann@example.com");
  }
  for (const auto& sender : senders) {
    for (const testing::Sent& sent : sender->sent) {
      const int count = in_ledger[sent.body];
      in_ledger.erase(sent.body);
      EXPECT_LE(count, sent.kind == testing::SentKind::honest ? 1 : 0);
      if (sent.taken) EXPECT_EQ(count, 1);
    }
  }
  EXPECT_TRUE(in_ledger.empty()) << "taken, but never sent like that: " << in_ledger.begin()->first;
}

// Returns the hash of all that happened.
std::uint64_t live_through(std::uint64_t seed, bool faults) {
  sim::SimRandom random(seed);
  Platforms platforms(testing::PlatformKind::simulated, seed, sim::SimOptions::varied(seed));
  const io::LoopLimits tight{.buffers = 8, .buffer_bytes = 512};
  io::Loop& here = platforms.add_loop(testing::kRelayHost, random.percent(50) ? tight : io::LoopLimits{});
  io::Loop& there = platforms.add_loop(testing::kClientHost);
  SessionHost host(platforms, here);
  host.sinks.pause = random.between(0ms, 200ms);
  if (random.percent(20)) host.sinks.word = smtp::Reply(451, {4, 4, 1}, "away");
  if (faults) break_network(platforms.world(), random);
  std::vector<std::unique_ptr<Sender>> senders;
  TaskSet tasks;
  for (int i = 0; i < 5; ++i)
    senders.push_back(std::make_unique<Sender>(there, host.address(), seed * 5 + static_cast<unsigned>(i), i));
  bool begun = false;
  there.post([&] {
    for (const auto& sender : senders) tasks.add(sender->run());
    begun = true;
  });
  if (faults && random.percent(30)) {
    EXPECT_TRUE(platforms.run_for(random.between(0ms, 2000ms)));
    host.close(/*abort=*/true);
  }
  EXPECT_TRUE(platforms.run_until([&] { return begun && tasks.live() == 0; }));
  if (!here.aborting()) host.close();
  compare(host.sinks.ledger, senders);
  if (!faults) {
    for (const auto& sender : senders) EXPECT_FALSE(sender->sent.empty());
  }
  return platforms.world().trace_hash();
}

TEST(SessionSeedsTest, EveryMessageIsTakenWholeOrNotAtAll) {
  for (std::uint64_t seed = 1; seed <= testing::rounds(150); ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, /*faults=*/false);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SessionSeedsTest, WhateverBreaksA250IsKept) {
  for (std::uint64_t seed = 1001; seed <= 1000 + testing::rounds(400); ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed, /*faults=*/true);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SessionSeedsTest, TheSameSeedIsTheSameWorld) {
  for (const std::uint64_t seed : {7U, 1013U, 1100U}) EXPECT_EQ(live_through(seed, true), live_through(seed, true));
}

}  // namespace
}  // namespace sluice::session
