// What a disk promises, on both platforms: by blocking calls and by the ring.
#include "engine/io/disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/file_wait.h"
#include "tests/support/awaited.h"
#include "tests/support/platforms.h"
#include "tests/support/raw_file.h"

namespace sluice::io {
namespace {

using testing::BothPlatforms;
using testing::DiskPlace;
using testing::error_of;
using testing::PlatformKind;
using testing::RawTransfer;

std::string pattern(std::size_t size, std::size_t salt = 0) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + (i * 7 + i / 512 + salt) % 91);
  return text;
}

class DiskTest : public BothPlatforms {
 protected:
  DiskTest() { EXPECT_TRUE(disk_.make_directory(place_.path())); }
  ~DiskTest() override {
    for (const int file : files_) disk_.close(file);
    platforms_.expect_nothing_left();
  }
  [[nodiscard]] std::string path(std::string_view name) const { return place_.path(name); }
  int keep(const DiskResult<int>& file) {
    if (!file) throw std::runtime_error(file.error().text);
    files_.push_back(*file);
    return *file;
  }
  int create(std::string_view name, std::size_t blocks) {
    return keep(disk_.create(path(name), blocks * kDiskBlockBytes));
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const DiskEntry& entry : disk_.list(place_.path()).value()) found.push_back(entry.name);
    return found;
  }
  std::string content(std::string_view name) {
    const int file = disk_.open(path(name), false).value();
    const std::string text = disk_.read(file, 0, 1U << 20).value();
    disk_.close(file);
    return text;
  }
  std::int32_t finish(const RawTransfer& transfer) {
    EXPECT_TRUE(platforms_.run_until([&] { return transfer.result.has_value(); }));
    return transfer.result.value_or(0);
  }

  Loop& loop_ = platforms_.add_loop("192.0.2.1");
  Disk& disk_ = loop_.platform().disk;
  DiskPlace place_{platforms_.simulated()};
  std::vector<int> files_;
};
INSTANTIATE_TEST_SUITE_P(Platforms, DiskTest, ::testing::Values(PlatformKind::real, PlatformKind::simulated),
                         testing::platform_name);

// ------------------------------------------------------------------------------------------ names

TEST_P(DiskTest, DirectoriesAreMadeWithTheirParents) {
  EXPECT_TRUE(disk_.make_directory(path("a/b/c")));
  EXPECT_TRUE(disk_.make_directory(path("a/b/c/")));
  EXPECT_TRUE(disk_.make_directory(path("a")));
  const auto entry = disk_.look(path("a/b/c"));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->name, "c");
  EXPECT_FALSE(entry->regular);
  EXPECT_TRUE(entry->own);
  create("file", 0);
  EXPECT_EQ(error_of(disk_.make_directory(path("file"))), ENOTDIR);
  EXPECT_EQ(error_of(disk_.make_directory(path("file/below"))), ENOTDIR);
}

TEST_P(DiskTest, AListIsSortedAndSaysWhatIsThere) {
  create("c", 3);
  create("a", 1);
  EXPECT_TRUE(disk_.make_directory(path("b")));
  EXPECT_TRUE(disk_.write_small(path("b/not here"), "x"));
  const auto list = disk_.list(place_.path());
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0].name, "a");
  EXPECT_EQ((*list)[0].bytes, kDiskBlockBytes);
  EXPECT_EQ((*list)[1].name, "b");
  EXPECT_FALSE((*list)[1].regular);
  EXPECT_EQ((*list)[2].name, "c");
  EXPECT_EQ((*list)[2].bytes, 3 * kDiskBlockBytes);
  EXPECT_TRUE((*list)[2].regular);
  EXPECT_TRUE((*list)[2].own);
  EXPECT_EQ((*list)[2].links, 1U);
  EXPECT_EQ(error_of(disk_.list(path("none"))), ENOENT);
  EXPECT_EQ(error_of(disk_.list(path("a"))), ENOTDIR);
}

TEST_P(DiskTest, AnErrorNamesItsFile) {
  const auto looked = disk_.look(path("none"));
  EXPECT_EQ(error_of(looked), ENOENT);
  EXPECT_EQ(looked.error().text, path("none") + ": cannot look at it: No such file or directory");
  EXPECT_EQ(error_of(disk_.open(path("none"), true)), ENOENT);
  EXPECT_EQ(error_of(disk_.create(path("none/a"), 0)), ENOENT);
  EXPECT_EQ(error_of(disk_.remove(path("none"))), ENOENT);
  EXPECT_EQ(error_of(disk_.rename(path("none"), path("a"))), ENOENT);
  EXPECT_EQ(error_of(disk_.sync_directory(path("none"))), ENOENT);
  EXPECT_EQ(error_of(disk_.write_small(path("none/a"), "x")), ENOENT);
  EXPECT_EQ(error_of(disk_.free_bytes(path("none"))), ENOENT);
  create("a", 1);
  const auto written = disk_.write(keep(disk_.open(path("a"), false)), 0, std::string(kDiskBlockBytes, 'x'), false);
  EXPECT_EQ(error_of(written), EBADF);
  EXPECT_TRUE(written.error().text.starts_with(path("a") + ": ")) << written.error().text;
}

TEST_P(DiskTest, ARenameReplaces) {
  EXPECT_TRUE(disk_.write_small(path("a"), "new"));
  EXPECT_TRUE(disk_.write_small(path("b"), "old"));
  EXPECT_TRUE(disk_.rename(path("a"), path("b")));
  EXPECT_EQ(names(), std::vector<std::string>{"b"});
  EXPECT_EQ(content("b"), "new");
}

TEST_P(DiskTest, ARemovedFileIsThereUntilItIsClosed) {
  const int file = create("a", 1);
  EXPECT_TRUE(disk_.write(file, 0, pattern(kDiskBlockBytes), true));
  EXPECT_EQ(disk_.links(file).value_or(9), 1U);
  EXPECT_TRUE(disk_.rename(path("a"), path("c")));
  EXPECT_EQ(disk_.links(file).value_or(9), 1U);
  EXPECT_TRUE(disk_.remove(path("c")));
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(disk_.links(file).value_or(9), 0U);
  EXPECT_EQ(disk_.read(file, 0, kDiskBlockBytes), pattern(kDiskBlockBytes));
  EXPECT_TRUE(disk_.make_directory(path("b")));
  EXPECT_EQ(error_of(disk_.remove(path("b"))), EISDIR);
}

// ------------------------------------------------------------------------------------------ content

TEST_P(DiskTest, ANewFileIsZerosAndReallyNew) {
  const int file = create("a", 300);  // more than is written at once
  EXPECT_EQ(disk_.read(file, 0, 400 * kDiskBlockBytes), std::string(300 * kDiskBlockBytes, '\0'));
  EXPECT_EQ(disk_.look(path("a"))->bytes, 300 * kDiskBlockBytes);
  EXPECT_EQ(error_of(disk_.create(path("a"), kDiskBlockBytes)), EEXIST);
  EXPECT_EQ(error_of(disk_.create(path("b"), kDiskBlockBytes + 1)), EINVAL);
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_P(DiskTest, ReadsAnyPart) {
  const std::string text = pattern(300 * kDiskBlockBytes);
  const int file = create("a", 300);
  EXPECT_TRUE(disk_.write(file, 0, text, false));
  for (const std::size_t offset : {0UL, 1UL, 511UL, 4095UL, 4096UL, 5000UL, 1'048'575UL, 1'228'799UL})
    for (const std::size_t size : {0UL, 1UL, 512UL, 4096UL, 4097UL, 10'000UL, 1'100'000UL})
      EXPECT_TRUE(disk_.read(file, offset, size) == text.substr(offset, size)) << offset << " " << size;
  EXPECT_EQ(disk_.read(file, text.size(), 10), "");
  EXPECT_EQ(disk_.read(file, text.size() + 5000, 10), "");
  EXPECT_EQ(disk_.read(file, 0, SIZE_MAX)->size(), text.size());
}

TEST_P(DiskTest, OneFileOpenedTwiceIsOneFile) {
  const int one = create("a", 2);
  // A file is written by one descriptor at a time.
  const int two = keep(disk_.open(path("a"), false));
  EXPECT_TRUE(disk_.write(one, 0, pattern(kDiskBlockBytes, 1), true));
  EXPECT_TRUE(disk_.write(one, kDiskBlockBytes, pattern(kDiskBlockBytes, 2), false));
  EXPECT_EQ(disk_.read(one, 0, 2 * kDiskBlockBytes), pattern(kDiskBlockBytes, 1) + pattern(kDiskBlockBytes, 2));
  EXPECT_EQ(disk_.read(two, 0, 2 * kDiskBlockBytes), pattern(kDiskBlockBytes, 1) + pattern(kDiskBlockBytes, 2));
}

TEST_P(DiskTest, ASmallFileIsReplacedWhole) {
  for (const std::size_t size : {0UL, 1UL, 4096UL, 10'000UL, 3UL}) {
    EXPECT_TRUE(disk_.write_small(path("state"), pattern(size, size)));
    EXPECT_EQ(content("state"), pattern(size, size));
    EXPECT_EQ(names(), std::vector<std::string>{"state"});
  }
  // One that was cut off earlier does not matter.
  keep(disk_.create(path("state.draft"), kDiskBlockBytes));
  EXPECT_TRUE(disk_.write_small(path("state"), "again"));
  EXPECT_EQ(content("state"), "again");
  EXPECT_EQ(names(), std::vector<std::string>{"state"});
}

TEST_P(DiskTest, OnlyFilesAreOpened) {
  EXPECT_TRUE(disk_.make_directory(path("a")));
  EXPECT_EQ(error_of(disk_.open(path("a"), false)), EINVAL);
}

TEST_P(DiskTest, ALockIsHeldUntilItIsClosed) {
  const auto first = disk_.lock(path("lock"));
  ASSERT_TRUE(first);
  EXPECT_EQ(error_of(disk_.lock(path("lock"))), EWOULDBLOCK);
  keep(disk_.lock(path("other")));
  disk_.close(*first);
  keep(disk_.lock(path("lock")));
}

TEST_P(DiskTest, SpaceThatIsTakenIsNotFree) {
  const std::uint64_t before = disk_.free_bytes(place_.path()).value();
  EXPECT_GT(before, 0U);
  if (!platforms_.simulated()) return;  // others write to a real disk, too
  create("a", 10);
  EXPECT_EQ(disk_.free_bytes(path("a")), before - 10 * kDiskBlockBytes);
}

// ------------------------------------------------------------------------------------------ by the ring

auto write_file(Loop& loop, int file, std::string_view bytes, std::uint64_t offset, bool durable, const char* what) {
  return FileAwaiter(
      [&loop, file, bytes, offset, durable](Operation::OnCompletion on_completion, void* context) {
        loop.write_file(file, bytes, offset, durable, on_completion, context);
      },
      what);
}

// Whole, however often it is cut short.
Task<std::int32_t> store(Loop& loop, int file, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const std::int32_t result = co_await write_file(loop, file, bytes, offset, true, "a write");
    if (result < 0) co_return result;
    const std::size_t done = static_cast<std::size_t>(result) == bytes.size()
                                 ? bytes.size()
                                 : static_cast<std::size_t>(result) / kDiskBlockBytes * kDiskBlockBytes;
    bytes.remove_prefix(done);
    offset += done;
  }
  co_return 0;
}

Task<std::int32_t> load(Loop& loop, int file, std::span<std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const std::int32_t result = co_await read_file(loop, file, bytes, offset, "a read");
    if (result <= 0) co_return result;
    const std::size_t done = static_cast<std::size_t>(result) == bytes.size()
                                 ? bytes.size()
                                 : static_cast<std::size_t>(result) / kDiskBlockBytes * kDiskBlockBytes;
    bytes = bytes.subspan(done);
    offset += done;
  }
  co_return 0;
}

TEST_P(DiskTest, TasksWaitForTheirTransfers) {
  const int file = create("a", 300);
  const std::string text = pattern(200 * kDiskBlockBytes);
  AlignedBytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  const auto wait = [&](const std::function<Task<std::int32_t>()>& make) {
    return testing::await<std::int32_t>(platforms_, loop_, make);
  };
  EXPECT_EQ(wait([&] { return store(loop_, file, bytes.view(), 7 * kDiskBlockBytes); }), 0);
  EXPECT_EQ(disk_.read(file, 6 * kDiskBlockBytes, 400 * kDiskBlockBytes),
            std::string(kDiskBlockBytes, '\0') + text + std::string(93 * kDiskBlockBytes, '\0'));
  AlignedBytes back(text.size());
  EXPECT_EQ(wait([&] { return load(loop_, file, back.span(), 7 * kDiskBlockBytes); }), 0);
  EXPECT_TRUE(back.view() == text);
}

TEST_P(DiskTest, ManyTransfersAtOnce) {
  const int file = create("a", 64);
  std::deque<RawTransfer> writes;
  for (std::size_t i = 0; i < 64; ++i)
    writes.emplace_back(loop_, file, i * kDiskBlockBytes, pattern(kDiskBlockBytes, i), i % 2 == 0);
  for (const RawTransfer& write : writes) finish(write);
  std::deque<RawTransfer> reads;
  for (std::size_t i = 0; i < 64; ++i) reads.emplace_back(loop_, file, i * kDiskBlockBytes, kDiskBlockBytes);
  for (std::size_t i = 0; i < 64; ++i) {
    ASSERT_GT(*writes[i].result, 0);
    ASSERT_GT(finish(reads[i]), 0);
    const std::size_t both = std::min(writes[i].got().size(), reads[i].got().size());
    EXPECT_EQ(reads[i].got().substr(0, both), pattern(kDiskBlockBytes, i).substr(0, both));
    if (!platforms_.simulated()) EXPECT_EQ(both, kDiskBlockBytes);
  }
}

TEST_P(DiskTest, AReadEndsWhereTheFileDoes) {
  EXPECT_TRUE(disk_.write_small(path("a"), pattern(kDiskBlockBytes + 100)));
  const int file = keep(disk_.open(path("a"), false));
  const RawTransfer tail(loop_, file, kDiskBlockBytes, 4 * kDiskBlockBytes);
  EXPECT_EQ(finish(tail), 100);
  EXPECT_EQ(tail.got(), pattern(kDiskBlockBytes + 100).substr(kDiskBlockBytes));
  const RawTransfer past(loop_, file, 2 * kDiskBlockBytes, kDiskBlockBytes);
  EXPECT_EQ(finish(past), 0);
}

TEST_P(DiskTest, AFileThatWasOpenedForReadingIsNotWritten) {
  create("a", 1);
  const int file = keep(disk_.open(path("a"), false));
  const RawTransfer write(loop_, file, 0, pattern(kDiskBlockBytes), true);
  EXPECT_EQ(finish(write), -EBADF);
  EXPECT_EQ(content("a"), std::string(kDiskBlockBytes, '\0'));
}

TEST_P(DiskTest, TheRingClosesFilesToo) {
  loop_.close(disk_.create(path("a"), kDiskBlockBytes).value());
  EXPECT_TRUE(platforms_.run_until([&] { return loop_.operations_live() == 0; }));
}

TEST_P(DiskTest, AFileIsClosedWhileItIsWritten) {
  const int file = disk_.create(path("a"), kDiskBlockBytes).value();
  const RawTransfer write(loop_, file, 0, pattern(kDiskBlockBytes), true);
  loop_.turn(Duration::zero());  // it is under way
  disk_.close(file);
  const auto written = static_cast<std::size_t>(finish(write));
  ASSERT_LE(written, kDiskBlockBytes);
  EXPECT_EQ(content("a").substr(0, written), pattern(kDiskBlockBytes).substr(0, written));
}

}  // namespace
}  // namespace sluice::io
