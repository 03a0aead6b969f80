// What a simulated disk does that a real one rarely shows: losses of power, failures, and what is
// not tolerated.
#include "tests/sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.h"
#include "tests/support/raw_file.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::filled;
using testing::kHost;
using testing::RawTransfer;

// A host with one core, and its next lives.
struct Machine {
  explicit Machine(std::uint64_t seed, const SimOptions& options = {}) : world(seed, options) {
    EXPECT_TRUE(disk.make_directory("/spool"));
  }
  ~Machine() {
    EXPECT_TRUE(run([&] { return loop->operations_live() == 0; }));
  }
  bool run(const std::function<bool()>& until) { return world.run({loop.get()}, until); }
  // What ran before has ended; a new program.
  void start_again() {
    EXPECT_TRUE(run([&] { return loop->operations_live() == 0; }));
    loop = std::make_unique<io::Loop>(world.platform(kHost), io::LoopLimits{.buffers = 2});
  }
  std::int32_t finish(const RawTransfer& transfer) {
    EXPECT_TRUE(run([&] { return transfer.result.has_value(); }));
    return transfer.result.value_or(0);
  }
  std::int32_t write(int file, std::uint64_t offset, const std::string& text, bool durable) {
    const RawTransfer transfer(*loop, file, offset, text, durable);
    return finish(transfer);
  }
  // Durable, with its name.
  int file(const std::string& path, std::size_t blocks) {
    const int made = disk.create(path, blocks * io::kDiskBlockBytes).value();
    EXPECT_TRUE(disk.sync_directory("/spool"));
    return made;
  }
  std::string content(const std::string& path) {
    const auto opened = disk.open(path, false);
    if (!opened) return "none";
    std::string text = disk.read(*opened, 0, 1U << 20).value();
    disk.close(*opened);
    return text;
  }
  std::string names() {
    std::string found;
    for (const io::DiskEntry& entry : disk.list("/spool").value()) found += entry.name + " ";
    return found;
  }
  void fail(SimCall call, int error, std::uint64_t after = 0) {
    world.faults().add({.call = call, .after = after, .error = error});
  }

  SimWorld world;
  SimDisk& disk = world.disk(kHost);
  std::unique_ptr<io::Loop> loop = std::make_unique<io::Loop>(world.platform(kHost), io::LoopLimits{.buffers = 2});
};

// How the sectors of `now` came out: all old, all new, or a mixture; "neither" must never be.
std::string outcome(std::string_view now, char old_byte, char new_byte) {
  std::set<char> seen;
  for (std::size_t at = 0; at < now.size(); at += io::kDiskSectorBytes) {
    const std::string_view sector = now.substr(at, io::kDiskSectorBytes);
    if (sector.find_first_not_of(sector[0]) != std::string_view::npos) return "neither";
    seen.insert(sector[0]);
  }
  if (seen == std::set{old_byte}) return "old";
  if (seen == std::set{new_byte}) return "new";
  return seen == std::set{old_byte, new_byte} ? "torn" : "neither";
}

const std::set<std::string> kAny{"old", "new", "torn"};

// ------------------------------------------------------------------------------------------ content

TEST(SimDiskTest, WhatIsDurableStaysAndAllElseMayBeLostOrTorn) {
  std::set<std::string> unsynced;
  std::set<std::string> under_way;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Machine machine(seed, {.short_percent = 0});
    const int file = machine.file("/spool/a", 4);
    EXPECT_EQ(machine.write(file, 0, filled('d', 2), true), 2 * io::kDiskBlockBytes);
    EXPECT_EQ(machine.write(file, io::kDiskBlockBytes, filled('u'), false), io::kDiskBlockBytes);
    const RawTransfer pending(*machine.loop, file, 2 * io::kDiskBlockBytes, filled('p'), true);
    machine.loop->turn(0ms);
    ASSERT_FALSE(pending.result);
    machine.disk.power_loss();
    machine.start_again();
    EXPECT_EQ(pending.result, -EIO);
    const std::string now = machine.content("/spool/a");
    ASSERT_EQ(now.size(), 4 * io::kDiskBlockBytes);
    EXPECT_EQ(now.substr(0, io::kDiskBlockBytes), filled('d'));
    EXPECT_EQ(now.substr(3 * io::kDiskBlockBytes), filled('\0'));
    unsynced.insert(outcome(now.substr(io::kDiskBlockBytes, io::kDiskBlockBytes), 'd', 'u'));
    under_way.insert(outcome(now.substr(2 * io::kDiskBlockBytes, io::kDiskBlockBytes), '\0', 'p'));
  }
  EXPECT_EQ(unsynced, kAny);
  EXPECT_EQ(under_way, kAny);
}

TEST(SimDiskTest, UnsyncedWritesAreLostInAnyOrder) {
  std::set<std::string> firsts;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    Machine machine(seed);
    const int file = machine.file("/spool/a", 2);
    for (const char byte : {'1', '2', '3'}) {
      EXPECT_TRUE(machine.disk.write(file, 0, filled(byte), false));
      EXPECT_TRUE(machine.disk.write(file, io::kDiskBlockBytes, filled(byte), false));
    }
    EXPECT_EQ(machine.content("/spool/a"), filled('3', 2));
    machine.disk.power_loss();
    const std::string now = machine.content("/spool/a");
    firsts.insert({now[0], now[io::kDiskBlockBytes]});
  }
  EXPECT_EQ(firsts.size(), 16U) << "each block at any of its states, whatever the other's";
}

TEST(SimDiskTest, ASyncedWriteIsNotUndoneByAnOlderOne) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Machine machine(seed);
    const int file = machine.file("/spool/a", 3);
    EXPECT_TRUE(machine.disk.write(file, 0, filled('u', 3), false));
    EXPECT_TRUE(machine.disk.write(file, io::kDiskBlockBytes, filled('d'), true));
    machine.disk.power_loss();
    const std::string now = machine.content("/spool/a");
    EXPECT_EQ(now.substr(io::kDiskBlockBytes, io::kDiskBlockBytes), filled('d')) << seed;
    EXPECT_TRUE(kAny.contains(outcome(now.substr(0, io::kDiskBlockBytes), '\0', 'u'))) << seed;
    EXPECT_TRUE(kAny.contains(outcome(now.substr(2 * io::kDiskBlockBytes), '\0', 'u'))) << seed;
  }
}

TEST(SimDiskTest, WhatSurvivedALossIsDurable) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine machine(seed);
    EXPECT_TRUE(machine.disk.write(machine.file("/spool/a", 2), 0, filled('u', 2), false));
    EXPECT_TRUE(machine.disk.create("/spool/b", 0));
    machine.disk.power_loss();
    const std::string now = machine.content("/spool/a");
    const std::string names = machine.names();
    machine.disk.power_loss();
    EXPECT_EQ(machine.content("/spool/a"), now) << seed;
    EXPECT_EQ(machine.names(), names) << seed;
  }
}

TEST(SimDiskTest, WhatIsSyncedLaterIsNotLost) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine machine(seed);
    const int file = machine.file("/spool/a", 3);
    EXPECT_TRUE(machine.disk.write(file, 0, filled('u', 3), false));
    machine.disk.process_loss();
    const int again = machine.disk.open("/spool/a", false).value();
    EXPECT_TRUE(machine.disk.sync(again));
    machine.disk.power_loss();
    EXPECT_EQ(machine.content("/spool/a"), filled('u', 3)) << seed;
  }
}

TEST(SimDiskTest, AKilledProcessLosesOnlyWhatWasUnderWay) {
  std::set<std::string> under_way;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine machine(seed);
    const int file = machine.disk.create("/spool/a", 2 * io::kDiskBlockBytes).value();
    EXPECT_TRUE(machine.disk.write(file, 0, filled('u'), false));
    const RawTransfer pending(*machine.loop, file, io::kDiskBlockBytes, filled('p'), true);
    machine.loop->turn(0ms);
    machine.disk.process_loss();
    machine.start_again();
    EXPECT_EQ(machine.content("/spool/a").substr(0, io::kDiskBlockBytes), filled('u'));
    under_way.insert(outcome(machine.content("/spool/a").substr(io::kDiskBlockBytes), '\0', 'p'));
  }
  EXPECT_EQ(under_way, (std::set<std::string>{"old", "new"}));
}

// ------------------------------------------------------------------------------------------ names

TEST(SimDiskTest, NamesAreLostUntilTheirDirectoryIsSynced) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Machine machine(seed);
    machine.file("/spool/gone", 0);
    machine.file("/spool/old", 0);
    machine.file("/spool/stays", 0);
    EXPECT_TRUE(machine.disk.create("/spool/made", 0));
    EXPECT_TRUE(machine.disk.rename("/spool/old", "/spool/new"));
    EXPECT_TRUE(machine.disk.remove("/spool/gone"));
    EXPECT_EQ(machine.names(), "made new stays ");
    if (seed % 2 == 0) EXPECT_TRUE(machine.disk.sync_directory("/spool"));
    machine.disk.power_loss();
    if (seed % 2 == 0) {
      EXPECT_EQ(machine.names(), "made new stays ");
    } else {
      seen.insert(machine.names());
    }
  }
  EXPECT_EQ(seen,
            (std::set<std::string>{"gone made new stays ", "gone made old stays ", "gone new stays ", "gone old stays ",
                                   "made new stays ", "made old stays ", "new stays ", "old stays "}));
}

TEST(SimDiskTest, ARenameBetweenDirectoriesNeverLosesTheFile) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Machine machine(seed);
    EXPECT_TRUE(machine.disk.make_directory("/spool/bad"));
    machine.disk.close(machine.disk.create("/spool/a", io::kDiskBlockBytes).value());
    EXPECT_TRUE(machine.disk.rename("/spool/a", "/spool/bad/a"));
    EXPECT_TRUE(machine.disk.sync_directory(seed % 2 == 0 ? "/spool" : "/spool/bad"));
    machine.disk.power_loss();
    const bool stayed = machine.disk.look("/spool/a").has_value();
    const bool moved = machine.disk.look("/spool/bad/a").has_value();
    EXPECT_TRUE(seed % 2 == 0 ? stayed != moved : moved && !stayed) << seed;
  }
}

TEST(SimDiskTest, ANewFilesContentIsSyncedWithoutItsName) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine machine(seed);
    EXPECT_TRUE(machine.disk.create("/spool/a", io::kDiskBlockBytes));
    machine.disk.power_loss();
    seen.insert(machine.content("/spool/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"none", filled('\0')}));
}

// However it fails, and if the power goes as well.
TEST(SimDiskTest, ASmallFileIsTheOldOrTheNewOne) {
  std::set<std::string> seen;
  for (const SimCall call : {SimCall::create, SimCall::write_file, SimCall::sync, SimCall::rename}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      Machine machine(seed);
      EXPECT_TRUE(machine.disk.write_small("/spool/state", "old"));
      machine.fail(call, EIO, seed % 2);
      const auto written = machine.disk.write_small("/spool/state", "new");
      const std::string before = machine.content("/spool/state");
      if (seed % 4 < 2) machine.disk.power_loss();
      const std::string now = machine.content("/spool/state");
      EXPECT_TRUE(now == "old" || now == "new") << now << " " << seed;
      if (written) EXPECT_EQ(now, "new") << seed;
      if (!written) EXPECT_EQ(error_of(written), EIO);
      seen.insert(before + now);
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"oldold", "newold", "newnew"}));
}

// ------------------------------------------------------------------------------------------ lives

TEST(SimDiskTest, AProgramThatIsOverTouchesNothing) {
  Machine machine(3);
  io::Disk& old = machine.loop->platform().disk;
  const int file = old.create("/spool/a", io::kDiskBlockBytes).value();
  const int lock = old.lock("/spool/lock").value();
  EXPECT_TRUE(old.sync_directory("/spool"));
  machine.disk.power_loss();
  EXPECT_EQ(machine.world.descriptors_open(kHost), 0U);

  const int next = machine.disk.lock("/spool/lock").value();  // it is free again
  EXPECT_NE(next, lock);
  EXPECT_EQ(machine.write(file, 0, filled('x'), true), -EIO);
  EXPECT_EQ(error_of(old.write(file, 0, filled('x'), true)), EIO);
  EXPECT_EQ(error_of(old.read(file, 0, 1)), EIO);
  EXPECT_EQ(error_of(old.make_directory("/spool/d")), EIO);
  EXPECT_EQ(error_of(old.list("/spool")), EIO);
  EXPECT_EQ(error_of(old.look("/spool/a")), EIO);
  EXPECT_EQ(error_of(old.create("/spool/b", 0)), EIO);
  EXPECT_EQ(error_of(old.open("/spool/a", false)), EIO);
  EXPECT_EQ(error_of(old.rename("/spool/a", "/spool/b")), EIO);
  EXPECT_EQ(error_of(old.remove("/spool/a")), EIO);
  EXPECT_EQ(error_of(old.sync_directory("/spool")), EIO);
  EXPECT_EQ(error_of(old.write_small("/spool/a", "x")), EIO);
  EXPECT_EQ(error_of(old.lock("/spool/other")), EIO);
  EXPECT_EQ(error_of(old.free_bytes("/spool")), EIO);
  machine.loop->close(file);
  old.close(lock);
  EXPECT_EQ(machine.names(), "a lock ");
  EXPECT_EQ(machine.content("/spool/a"), filled('\0'));

  machine.start_again();
  EXPECT_EQ(error_of(machine.loop->platform().disk.lock("/spool/lock")), EWOULDBLOCK);
  machine.disk.close(next);
}

// What a life leaves, as a hash of all that happened and of what is there afterwards.
std::uint64_t life_trace(std::uint64_t seed, std::string& left) {
  Machine machine(seed, SimOptions::varied(seed));
  const int file = machine.file("/spool/a", 32);
  std::deque<RawTransfer> transfers;
  for (std::size_t i = 0; i < 16; ++i) {
    const std::string text = filled(static_cast<char>('a' + i), 2);
    transfers.emplace_back(*machine.loop, file, i * 2 * io::kDiskBlockBytes, text, i % 2 == 0);
    EXPECT_TRUE(machine.disk.create("/spool/" + std::to_string(i), 0));
  }
  EXPECT_TRUE(machine.run(
      [&] { return std::ranges::count_if(transfers, [](const auto& t) { return t.result.has_value(); }) >= 8; }));
  machine.disk.power_loss();
  machine.start_again();
  left = machine.names() + machine.content("/spool/a");
  return machine.world.trace_hash();
}

TEST(SimDiskTest, ASeedReplaysExactly) {
  std::set<std::uint64_t> traces;
  std::set<std::string> all;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::string left;
    std::string left_again;
    const std::uint64_t trace = life_trace(seed, left);
    EXPECT_EQ(trace, life_trace(seed, left_again));
    EXPECT_EQ(left, left_again);
    EXPECT_TRUE(traces.insert(trace).second && all.insert(left).second) << "two seeds did the same";
  }
}

TEST(SimDiskTest, TransfersEndInAnyOrderAndSometimesShort) {
  std::set<std::size_t> firsts;
  std::set<std::int32_t> results;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Machine machine(seed, {.short_percent = 30});
    const int file = machine.file("/spool/a", 8);
    std::deque<RawTransfer> transfers;
    for (std::size_t i = 0; i < 4; ++i)
      transfers.emplace_back(*machine.loop, file, i * io::kDiskBlockBytes, filled('x'), true);
    EXPECT_TRUE(machine.run(
        [&] { return std::ranges::any_of(transfers, [](const auto& t) { return t.result.has_value(); }); }));
    for (std::size_t i = 0; i < 4; ++i)
      if (transfers[i].result) firsts.insert(i);
    for (const RawTransfer& each : transfers) results.insert(machine.finish(each));
    // What was in a completion is durable, and the rest was not written.
    machine.disk.power_loss();
    const std::string now = machine.content("/spool/a");
    for (std::size_t i = 0; i < 4; ++i) {
      const auto bytes = static_cast<std::size_t>(*transfers[i].result);
      EXPECT_EQ(now.substr(i * io::kDiskBlockBytes, io::kDiskBlockBytes),
                std::string(bytes, 'x') + std::string(io::kDiskBlockBytes - bytes, '\0'));
    }
  }
  EXPECT_EQ(firsts.size(), 4U);
  EXPECT_EQ(results, (std::set{512, 1024, 1536, 2048, 2560, 3072, 3584, 4096}));
}

}  // namespace
}  // namespace sluice::sim
