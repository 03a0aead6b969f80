// The real disk where only a real one can be tried: modes, links, other owners, other processes,
// and how the ring writes to it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/aligned.h"
#include "engine/io/disk.h"
#include "tests/support/platforms.h"
#include "tests/support/raw_file.h"

namespace sluice::io {
namespace {

namespace fs = std::filesystem;
using testing::DiskPlace;
using testing::error_of;
using testing::PlatformKind;
using testing::Platforms;
using testing::RawTransfer;

class RealDiskTest : public ::testing::Test {
 protected:
  ~RealDiskTest() override {
    for (const int file : files_) disk_->close(file);
    EXPECT_EQ(Platforms::descriptors_open(), descriptors_before_);
  }
  [[nodiscard]] std::string path(std::string_view name) const { return place_.path(name); }
  int keep(const DiskResult<int>& file) {
    if (!file) throw std::runtime_error(file.error().text);
    files_.push_back(*file);
    return *file;
  }
  [[nodiscard]] unsigned mode(std::string_view name) const {
    struct stat status{};
    EXPECT_EQ(::lstat(path(name).c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  std::size_t descriptors_before_ = Platforms::descriptors_open();
  DiskPlace place_{/*simulated=*/false};
  std::unique_ptr<Disk> disk_ = make_real_disk();
  std::vector<int> files_;
};

TEST_F(RealDiskTest, NoOtherUserMayReadWhatItMakes) {
  EXPECT_TRUE(disk_->make_directory(path("a/b")));
  keep(disk_->create(path("a/file"), kDiskBlockBytes));
  EXPECT_TRUE(disk_->write_small(path("a/small"), "x"));
  keep(disk_->lock(path("a/lock")));
  EXPECT_EQ(mode("a"), 0700U);
  EXPECT_EQ(mode("a/b"), 0700U);
  EXPECT_EQ(mode("a/file"), 0600U);
  EXPECT_EQ(mode("a/small"), 0600U);
  EXPECT_EQ(mode("a/lock"), 0600U);
}

TEST_F(RealDiskTest, SymbolicLinksAreNotFollowed) {
  disk_->close(disk_->create(path("target"), kDiskBlockBytes).value());
  fs::create_symlink(path("target"), path("link"));
  fs::create_symlink(path("none"), path("dangling"));
  EXPECT_EQ(error_of(disk_->open(path("link"), false)), ELOOP);
  EXPECT_EQ(error_of(disk_->open(path("dangling"), true)), ELOOP);
  EXPECT_EQ(error_of(disk_->create(path("dangling"), kDiskBlockBytes)), EEXIST);
  EXPECT_EQ(error_of(disk_->lock(path("dangling"))), ELOOP);
  const auto entry = disk_->look(path("link"));
  ASSERT_TRUE(entry);
  EXPECT_FALSE(entry->regular);
  EXPECT_EQ(disk_->list(place_.path()).value().size(), 3U);
  // What is written whole replaces a link, and the link's target stays.
  EXPECT_TRUE(disk_->write_small(path("link"), "x"));
  EXPECT_TRUE(disk_->look(path("link"))->regular);
  EXPECT_EQ(disk_->look(path("target"))->bytes, kDiskBlockBytes);
}

TEST_F(RealDiskTest, ADraftThatIsALinkIsNotWrittenThrough) {
  disk_->close(disk_->create(path("victim"), kDiskBlockBytes).value());
  fs::create_symlink(path("victim"), path("state.draft"));
  EXPECT_TRUE(disk_->write_small(path("state"), "x"));
  EXPECT_EQ(disk_->look(path("victim"))->bytes, kDiskBlockBytes);
  EXPECT_TRUE(disk_->look(path("state"))->regular);
}

TEST_F(RealDiskTest, HardLinksAreCounted) {
  disk_->close(disk_->create(path("a"), kDiskBlockBytes).value());
  EXPECT_EQ(disk_->look(path("a"))->links, 1U);
  fs::create_hard_link(path("a"), path("b"));
  EXPECT_EQ(disk_->look(path("a"))->links, 2U);
  EXPECT_EQ((*disk_->list(place_.path()))[1].links, 2U);
}

TEST_F(RealDiskTest, AFifoDoesNotKeepWhoOpensIt) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(disk_->open(path("fifo"), false)), EINVAL);
  EXPECT_EQ(error_of(disk_->open(path("fifo"), true)), EINVAL);
  EXPECT_FALSE(disk_->look(path("fifo"))->regular);
}

TEST_F(RealDiskTest, AnothersFileIsSeen) {
  disk_->close(disk_->create(path("a"), kDiskBlockBytes).value());
  EXPECT_TRUE(disk_->look(path("a"))->own);
  if (::chown(path("a").c_str(), 12345, 12345) != 0) GTEST_SKIP() << "needs root";
  EXPECT_FALSE(disk_->look(path("a"))->own);
  EXPECT_FALSE(disk_->list(place_.path()).value()[0].own);
}

TEST_F(RealDiskTest, AnotherProcessHoldsTheLockUntilItEnds) {
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = disk_->lock(path("lock")) ? 'y' : 'n';
    ::close(end[1]);
    std::ignore = ::write(ready[1], &byte, 1);
    std::ignore = ::read(end[0], &byte, 1);  // until the parent closes its side
    ::_exit(0);
  }
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(error_of(disk_->lock(path("lock"))), EWOULDBLOCK);
  for (const int fd : {ready[0], ready[1], end[0], end[1]}) ::close(fd);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  keep(disk_->lock(path("lock")));
}

TEST_F(RealDiskTest, WhatCannotBeMadeWholeLeavesNothing) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{.rlim_cur = 10 * kDiskBlockBytes, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto made = disk_->create(path("a"), 20 * kDiskBlockBytes);
  const auto small = disk_->write_small(path("b"), std::string(20 * kDiskBlockBytes, 'x'));
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error_of(made), EFBIG);
  EXPECT_EQ(error_of(small), EFBIG);
  EXPECT_TRUE(disk_->list(place_.path()).value().empty());
}

// Space that is only reserved would be marked as written by the first write, which is metadata.
TEST_F(RealDiskTest, ANewFileIsReallyWritten) {
  const int file = keep(disk_->create(path("a"), 700 * kDiskBlockBytes));
  struct stat status{};
  ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, 700 * kDiskBlockBytes);
  constexpr std::size_t kExtents = 64;
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + kExtents * sizeof(fiemap_extent)> memory{};
  auto* const map = reinterpret_cast<fiemap*>(memory.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_extent_count = kExtents;
  if (::ioctl(file, FS_IOC_FIEMAP, map) != 0) GTEST_SKIP() << "the file system does not tell";
  const auto* const extents = reinterpret_cast<const fiemap_extent*>(memory.data() + sizeof(fiemap));
  ASSERT_GT(map->fm_mapped_extents, 0U);
  for (std::size_t i = 0; i < map->fm_mapped_extents; ++i) EXPECT_EQ(extents[i].fe_flags & FIEMAP_EXTENT_UNWRITTEN, 0U);
}

TEST_F(RealDiskTest, AnyThreadMayCall) {
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const std::string name = path(std::to_string(t) + "-" + std::to_string(i));
        const auto file = disk_->create(name, kDiskBlockBytes);
        if (!file || !disk_->write(*file, 0, std::string(kDiskBlockBytes, 'x'), true)) continue;
        if (disk_->read(*file, 1, 2) == "xx" && disk_->list(place_.path())) ++made;
        disk_->close(*file);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 15);
  EXPECT_EQ(disk_->list(place_.path()).value().size(), 15U);
}

// A file system without O_DIRECT.
TEST_F(RealDiskTest, WithoutDirectTransfersItStillWorks) {
  const std::string shm = "/dev/shm/sluice-disk-" + std::to_string(::getpid());
  const auto file = disk_->create(shm, 2 * kDiskBlockBytes);
  if (!file) GTEST_SKIP() << file.error().text;
  EXPECT_TRUE(disk_->write(*file, kDiskBlockBytes, std::string(kDiskBlockBytes, 'x'), true));
  EXPECT_EQ(disk_->read(*file, kDiskBlockBytes - 1, 3), std::string("\0xx", 3));
  disk_->close(*file);
  EXPECT_TRUE(disk_->remove(shm));
}

// ------------------------------------------------------------------------------------------ through the ring

std::size_t kernel_threads() {
  std::size_t count = 0;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string name;
    std::getline(comm, name);
    if (name.starts_with("iou-wrk")) ++count;
  }
  return count;
}

// What the ring cannot do at once it hands to threads of the kernel's: five times the work.
TEST_F(RealDiskTest, ADurableOverwriteIsNotHandedToAKernelThread) {
  constexpr long kExt4 = 0xef53;
  constexpr long kXfs = 0x58465342;
  struct statfs status{};
  ASSERT_EQ(::statfs(place_.path().c_str(), &status), 0);
  if (status.f_type != kExt4 && status.f_type != kXfs) GTEST_SKIP() << "neither ext4 nor XFS";
  const int file = keep(disk_->create(path("a"), 256 * kDiskBlockBytes));
  EXPECT_NE(::fcntl(file, F_GETFL) & O_DIRECT, 0);
  EXPECT_EQ(::fcntl(file, F_GETFL) & O_NONBLOCK, 0);
  Platforms platforms(PlatformKind::real);
  Loop& loop = platforms.add_loop("192.0.2.1");
  const std::size_t before = kernel_threads();
  for (std::size_t i = 0; i < 64; ++i) {
    const RawTransfer write(loop, file, i * 4 * kDiskBlockBytes, std::string(4 * kDiskBlockBytes, 'x'), true);
    EXPECT_TRUE(platforms.run_until([&] { return write.result.has_value(); }));
    EXPECT_EQ(write.result, 4 * kDiskBlockBytes);
  }
  EXPECT_EQ(kernel_threads(), before);
}

// What was written to memory only, and is cut off before it gets any further, is counted.
std::uint64_t cancelled_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; io >> name >> value;)
    if (name == "cancelled_write_bytes:") return value;
  return 0;
}

TEST_F(RealDiskTest, ADurableWriteOfTheRingIsOnTheDiskWhenItEnds) {
  const int file = ::open(path("a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);  // not direct
  files_.push_back(file);
  Platforms platforms(PlatformKind::real);
  Loop& loop = platforms.add_loop("192.0.2.1");
  const auto left_in_memory = [&](bool durable) {
    const RawTransfer write(loop, file, 0, std::string(4 * kDiskBlockBytes, 'x'), durable);
    EXPECT_TRUE(platforms.run_until([&] { return write.result.has_value(); }));
    EXPECT_EQ(write.result, 4 * kDiskBlockBytes);
    const std::uint64_t before = cancelled_bytes();
    EXPECT_EQ(::ftruncate(file, 0), 0);
    return cancelled_bytes() - before;
  };
  if (left_in_memory(false) == 0) GTEST_SKIP() << "it does not show here";
  EXPECT_EQ(left_in_memory(true), 0U);
}

}  // namespace
}  // namespace sluice::io
