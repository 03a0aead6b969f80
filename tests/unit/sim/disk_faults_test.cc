// What can be made to go wrong with a simulated disk, and what it does not tolerate.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "tests/sim/disk.h"
#include "tests/sim/world.h"
#include "tests/support/raw_file.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::error_of;
using testing::filled;
using testing::kHost;
using testing::RawTransfer;

class SimDiskFaultsTest : public ::testing::Test {
 protected:
  SimDiskFaultsTest() { EXPECT_TRUE(disk_.make_directory("/spool")); }
  ~SimDiskFaultsTest() override {
    EXPECT_TRUE(world_.run({&loop_}, [&] { return loop_.operations_live() == 0; }));
  }
  std::int32_t finish(const RawTransfer& transfer) {
    EXPECT_TRUE(world_.run({&loop_}, [&] { return transfer.result.has_value(); }));
    return transfer.result.value_or(0);
  }
  int create(const std::string& path, std::size_t blocks) {
    const int file = disk_.create(path, blocks * io::kDiskBlockBytes).value();
    EXPECT_TRUE(disk_.sync_directory("/spool"));
    return file;
  }
  std::string names() {
    std::string found;
    for (const io::DiskEntry& entry : disk_.list("/spool").value()) found += entry.name + " ";
    return found;
  }
  void fail(SimCall call, int error) { world_.faults().add({.call = call, .error = error}); }

  SimWorld world_{5, {.short_percent = 0}};
  SimDisk& disk_ = world_.disk(kHost);
  io::Loop loop_{world_.platform(kHost), {.buffers = 2}};
};

// A count of the sectors that hold `byte`.
std::size_t sectors(std::string_view bytes, char byte) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size(); at += io::kDiskSectorBytes) count += bytes[at] == byte ? 1 : 0;
  return count;
}

TEST_F(SimDiskFaultsTest, AFailedWriteMayHaveWrittenAPart) {
  const int file = create("/spool/a", 64);
  fail(SimCall::write_file, EIO);
  const RawTransfer write(loop_, file, 0, filled('x', 64), true);
  EXPECT_EQ(finish(write), -EIO);
  const std::size_t written = sectors(disk_.read(file, 0, 64 * io::kDiskBlockBytes).value(), 'x');
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, 512U);
  fail(SimCall::write_file, EIO);
  EXPECT_EQ(error_of(disk_.write(file, 0, filled('y', 64), true)), EIO);
  EXPECT_GT(sectors(disk_.read(file, 0, 64 * io::kDiskBlockBytes).value(), 'y'), 0U);
}

TEST_F(SimDiskFaultsTest, AnInterruptedTransferDidNothing) {
  const int file = create("/spool/a", 64);
  for (const int error : {EINTR, EAGAIN, ENOMEM}) {
    fail(SimCall::write_file, error);
    fail(SimCall::read_file, error);
    const RawTransfer write(loop_, file, 0, filled('x', 64), true);
    const RawTransfer read(loop_, file, 0, io::kDiskBlockBytes);
    EXPECT_EQ(finish(write), -error);
    EXPECT_EQ(finish(read), -error);
    EXPECT_EQ(disk_.read(file, 0, 64 * io::kDiskBlockBytes), filled('\0', 64));
  }
  fail(SimCall::write_file, EINTR);  // a blocking call goes on by itself
  EXPECT_TRUE(disk_.write(file, 0, filled('y'), true));
}

// As after a failed fsync: what was to be durable may be there to be read, and is lost later.
TEST_F(SimDiskFaultsTest, AFailedSyncPromisesNothing) {
  std::set<std::size_t> before;
  std::set<std::size_t> after;
  for (int i = 0; i < 20; ++i) {
    const std::string path = "/spool/" + std::to_string(i);
    const int file = create(path, 16);
    fail(SimCall::sync, EIO);
    const RawTransfer write(loop_, file, 0, filled('x', 16), true);
    EXPECT_EQ(finish(write), -EIO);
    before.insert(sectors(disk_.read(file, 0, 16 * io::kDiskBlockBytes).value(), 'x'));
  }
  disk_.power_loss();
  for (int i = 0; i < 20; ++i) {
    const int file = disk_.open("/spool/" + std::to_string(i), false).value();
    after.insert(sectors(disk_.read(file, 0, 16 * io::kDiskBlockBytes).value(), 'x'));
  }
  EXPECT_GT(*before.begin(), 0U);
  EXPECT_LT(*after.rbegin(), *before.rbegin());
}

TEST_F(SimDiskFaultsTest, EachCallFails) {
  const int file = create("/spool/a", 1);
  const auto expect = [&](SimCall call, int error, const auto& attempt) {
    fail(call, error);
    EXPECT_EQ(error_of(attempt()), error);
    EXPECT_EQ(names(), "a ") << "it left something";
  };
  expect(SimCall::create, ENOSPC, [&] { return disk_.create("/spool/b", 0); });
  expect(SimCall::create, EDQUOT, [&] { return disk_.write_small("/spool/b", "x"); });
  expect(SimCall::create, ENOSPC, [&] { return disk_.make_directory("/spool/b"); });
  expect(SimCall::create, ENOSPC, [&] { return disk_.lock("/spool/b"); });
  expect(SimCall::sync, EIO, [&] { return disk_.create("/spool/b", io::kDiskBlockBytes); });
  expect(SimCall::sync, EIO, [&] { return disk_.write_small("/spool/b", "x"); });
  expect(SimCall::sync, EIO, [&] { return disk_.sync_directory("/spool"); });
  expect(SimCall::sync, EIO, [&] { return disk_.write(file, 0, filled('x'), true); });
  expect(SimCall::write_file, ENOSPC, [&] { return disk_.write_small("/spool/b", "x"); });
  expect(SimCall::read_file, EIO, [&] { return disk_.read(file, 0, 1); });
  expect(SimCall::open_file, EMFILE, [&] { return disk_.open("/spool/a", true); });
  expect(SimCall::rename, EIO, [&] { return disk_.rename("/spool/a", "/spool/b"); });
  expect(SimCall::rename, EIO, [&] { return disk_.write_small("/spool/b", "x"); });
  expect(SimCall::remove, EIO, [&] { return disk_.remove("/spool/a"); });
  expect(SimCall::list, EIO, [&] { return disk_.list("/spool"); });
  expect(SimCall::list, EIO, [&] { return disk_.look("/spool/a"); });
  expect(SimCall::list, EIO, [&] { return disk_.free_bytes("/spool"); });
  fail(SimCall::sync, EIO);
  EXPECT_TRUE(disk_.write(file, 0, filled('x'), false)) << "no sync, nothing to fail";
  const RawTransfer read(loop_, file, 0, io::kDiskBlockBytes);
  EXPECT_EQ(finish(read), io::kDiskBlockBytes);
}

TEST_F(SimDiskFaultsTest, SpaceRunsOut) {
  disk_.set_capacity(10 * io::kDiskBlockBytes);
  create("/spool/a", 8);
  EXPECT_EQ(disk_.free_bytes("/spool"), 2 * io::kDiskBlockBytes);
  EXPECT_EQ(error_of(disk_.create("/spool/b", 3 * io::kDiskBlockBytes)), ENOSPC);
  EXPECT_EQ(error_of(disk_.write_small("/spool/b", filled('x', 3))), ENOSPC);
  EXPECT_EQ(names(), "a ");
  const int file = create("/spool/b", 2);
  EXPECT_TRUE(disk_.write(file, 0, filled('x', 2), true)) << "it has its space";
  EXPECT_EQ(error_of(disk_.write(file, 2 * io::kDiskBlockBytes, filled('x'), true)), ENOSPC);
  const RawTransfer beyond(loop_, file, 2 * io::kDiskBlockBytes, filled('x'), false);
  EXPECT_EQ(finish(beyond), -ENOSPC);
  EXPECT_TRUE(disk_.remove("/spool/b"));
  EXPECT_EQ(disk_.free_bytes("/spool"), 0U) << "it is still open";
  disk_.close(file);
  EXPECT_EQ(disk_.free_bytes("/spool"), 2 * io::kDiskBlockBytes);
  disk_.set_capacity(5 * io::kDiskBlockBytes);
  EXPECT_EQ(disk_.free_bytes("/spool"), 0U);
}

TEST_F(SimDiskFaultsTest, DescriptorsRunOut) {
  world_.set_descriptors_max(kHost, 2);
  const int socket = loop_.platform().sockets.open(AF_INET).value();
  const int file = create("/spool/a", 1);
  EXPECT_EQ(world_.descriptors_open(kHost), 2U);
  EXPECT_EQ(error_of(disk_.open("/spool/a", true)), EMFILE);
  EXPECT_EQ(error_of(disk_.create("/spool/b", 0)), EMFILE);
  EXPECT_EQ(error_of(disk_.lock("/spool/b")), EMFILE);
  EXPECT_EQ(names(), "a ");
  EXPECT_EQ(loop_.platform().sockets.open(AF_INET).error(), EMFILE);
  disk_.close(file);
  loop_.platform().sockets.close(*loop_.platform().sockets.open(AF_INET));
  loop_.platform().sockets.close(socket);
  EXPECT_EQ(world_.descriptors_open(kHost), 0U);
}

TEST_F(SimDiskFaultsTest, ABitFlips) {
  const int file = create("/spool/a", 2);
  EXPECT_TRUE(disk_.write(file, 0, filled('x', 2), true));
  disk_.flip_bit("/spool/a", 5000);
  disk_.power_loss();
  const std::string now = disk_.read(disk_.open("/spool/a", false).value(), 0, 2 * io::kDiskBlockBytes).value();
  EXPECT_EQ(std::popcount(static_cast<unsigned>(now[5000] ^ 'x')), 1);
  EXPECT_EQ(std::ranges::count(now, 'x'), 2 * io::kDiskBlockBytes - 1);
}

TEST_F(SimDiskFaultsTest, WhatOthersPutThereIsSeen) {
  disk_.plant("/spool/link", {.regular = false, .links = 1, .own = true});
  disk_.plant("/spool/other", {.bytes = 5, .regular = true, .links = 2, .own = false});
  const auto list = disk_.list("/spool").value();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_FALSE(list[0].regular);
  EXPECT_EQ(list[1].bytes, 5U);
  EXPECT_EQ(list[1].links, 2U);
  EXPECT_FALSE(list[1].own);
  EXPECT_EQ(error_of(disk_.open("/spool/link", false)), ELOOP);
  EXPECT_EQ(error_of(disk_.lock("/spool/link")), ELOOP);
}

// ------------------------------------------------------------------------------------------ not tolerated

using SimDiskDeathTest = SimDiskFaultsTest;

TEST_F(SimDiskDeathTest, OnlyWholeAlignedBlocks) {
  const int file = create("/spool/a", 4);
  io::AlignedBytes bytes(2 * io::kDiskBlockBytes);
  const auto write = [&](std::size_t skip, std::size_t size, std::uint64_t offset) {
    loop_.write_file(file, bytes.view().substr(skip, size), offset, true, [](void*, const io::Completion&) {}, nullptr);
    loop_.turn(0ms);
  };
  EXPECT_DEATH(write(512, io::kDiskBlockBytes, 0), "not of whole, aligned blocks\n.*seed 5");
  EXPECT_DEATH(write(0, 512, 0), "not of whole, aligned blocks");
  EXPECT_DEATH(write(0, io::kDiskBlockBytes, 512), "not of whole, aligned blocks");
  EXPECT_DEATH(
      {
        loop_.read_file(
            file, bytes.span().subspan(1, io::kDiskBlockBytes), 0, [](void*, const io::Completion&) {}, nullptr);
        loop_.turn(0ms);
      },
      "not of whole, aligned blocks");
  EXPECT_DEATH(std::ignore = disk_.write(file, 0, "x", true), "not of whole, aligned blocks");
}

TEST_F(SimDiskDeathTest, MemoryOfAWriteDoesNotChange) {
  const int file = create("/spool/a", 1);
  EXPECT_DEATH(
      {
        RawTransfer write(loop_, file, 0, filled('x'), true);
        loop_.turn(0ms);
        write.bytes.data()[7] = std::byte{'y'};
        finish(write);
      },
      "memory of a write changed");
}

TEST_F(SimDiskDeathTest, ADescriptorThatIsClosedIsNotUsed) {
  const int file = create("/spool/a", 1);
  disk_.close(file);
  EXPECT_DEATH(disk_.close(file), "a descriptor that is not open");
  EXPECT_DEATH(std::ignore = disk_.read(file, 0, 1), "a descriptor that is not open");
  EXPECT_DEATH(
      {
        const RawTransfer read(loop_, file, 0, io::kDiskBlockBytes);
        finish(read);
      },
      "a descriptor that is not open");
}

TEST_F(SimDiskDeathTest, NoTwoWritesToOnePlaceAtOnce) {
  const int file = create("/spool/a", 2);
  EXPECT_DEATH(
      {
        const RawTransfer one(loop_, file, 0, filled('x', 2), true);
        const RawTransfer two(loop_, file, io::kDiskBlockBytes, filled('y'), true);
        finish(one);
        finish(two);
      },
      "two writes to one place");
}

TEST_F(SimDiskFaultsTest, MemoryOfAReadIsAnythingUntilItEnds) {
  const int file = create("/spool/a", 1);
  const RawTransfer read(loop_, file, 0, io::kDiskBlockBytes);
  loop_.turn(0ms);
  EXPECT_EQ(read.bytes.view(), filled('\xdb'));
  EXPECT_EQ(finish(read), io::kDiskBlockBytes);
  EXPECT_EQ(read.bytes.view(), filled('\0'));
}

}  // namespace
}  // namespace sluice::sim
