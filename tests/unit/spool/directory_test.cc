// Whose a spool's directory is: one relay's, of this version, on this machine.
#include "engine/spool/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/memory_disk.h"
#include "tests/support/raw_file.h"

namespace sluice::spool {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class DirectoryTest : public ::testing::Test {
 protected:
  ~DirectoryTest() override { EXPECT_EQ(disk_.files_open(), 0U); }
  // What is said against it; empty: nothing.
  std::string refusal(const std::string& host = "mx1") {
    const auto opened = Directory::open(disk_, "/spool", host);
    return opened ? "" : opened.error().text;
  }
  testing::MemoryDisk disk_;
};

TEST_F(DirectoryTest, IsMadeAndMarked) {
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(disk_.file("/spool/format").bytes, "sluice-spool 1\n");
  EXPECT_THAT(disk_.file("/spool/in-use-by").bytes, ::testing::StartsWith("mx1\n"));
  EXPECT_EQ(refusal(), "");
  EXPECT_TRUE(Directory::check(disk_, "/spool"));
}

TEST_F(DirectoryTest, IsUsedByOneRelayAtATime) {
  const auto first = Directory::open(disk_, "/spool", "mx1");
  ASSERT_TRUE(first);
  EXPECT_THAT(refusal(), HasSubstr("another relay on this machine uses it"));
  EXPECT_TRUE(Directory::check(disk_, "/spool")) << "reading is always allowed";
}

TEST_F(DirectoryTest, OfAnotherHostIsRefusedUntilThatOneLeaves) {
  {
    const auto first = Directory::open(disk_, "/spool", "mx1");
    ASSERT_TRUE(first);
  }
  EXPECT_THAT(refusal("mx2"), HasSubstr("in use by the host mx1"));
  EXPECT_THAT(refusal("mx2"), HasSubstr("remove /spool/in-use-by"));
  EXPECT_EQ(refusal("mx1"), "");
  {
    const auto again = Directory::open(disk_, "/spool", "mx1");
    ASSERT_TRUE(again);
    (*again)->leave();
  }
  EXPECT_EQ(refusal("mx2"), "");
}

// Since the machine was started, the lock tells whose it is.
TEST_F(DirectoryTest, OfAHostThatWasRenamedIsItsOwn) {
  {
    ASSERT_TRUE(Directory::open(disk_, "/spool", "mx1", "boot-1"));
  }
  EXPECT_TRUE(Directory::open(disk_, "/spool", "mx2", "boot-1"));
  EXPECT_TRUE(Directory::open(disk_, "/spool", "mx2", "boot-2"));
  EXPECT_FALSE(Directory::open(disk_, "/spool", "mx1", "boot-1"));
  EXPECT_FALSE(Directory::open(disk_, "/spool", "mx1", "")) << "not known";
}

// As a relay of before left it.
TEST_F(DirectoryTest, WithTheHostAloneIsThatHosts) {
  ASSERT_EQ(refusal(), "");
  disk_.file("/spool/in-use-by").bytes = "mx1\n";
  EXPECT_FALSE(Directory::open(disk_, "/spool", "mx2", "boot-1"));
  EXPECT_TRUE(Directory::open(disk_, "/spool", "mx1", "boot-1"));
}

// A full disk takes no new file, and no longer one.
TEST_F(DirectoryTest, IsMarkedInPlace) {
  ASSERT_EQ(refusal(), "");
  const std::uint64_t bytes = disk_.file("/spool/in-use-by").bytes.size();
  EXPECT_EQ(bytes, io::kDiskBlockBytes);
  disk_.full = true;
  {
    const auto directory = Directory::open(disk_, "/spool", "mx1", "boot-2");
    ASSERT_TRUE(directory) << directory.error().text;
    (*directory)->leave();
  }
  const auto directory = Directory::open(disk_, "/spool", "mx2", "boot-3");
  ASSERT_TRUE(directory) << directory.error().text;
  EXPECT_EQ(disk_.file("/spool/in-use-by").bytes.size(), bytes);
}

TEST_F(DirectoryTest, OfAnotherVersionIsRefused) {
  disk_.file("/spool/format").bytes = "sluice-spool 2\nmore\n";
  EXPECT_THAT(refusal(), HasSubstr("a spool of another version ('sluice-spool 2')"));
  EXPECT_FALSE(Directory::check(disk_, "/spool"));
  EXPECT_EQ(disk_.file("/spool/format").bytes, "sluice-spool 2\nmore\n");
  EXPECT_FALSE(disk_.has("/spool/in-use-by"));
}

TEST_F(DirectoryTest, WithoutAFormatIsNoneToRead) {
  ASSERT_TRUE(disk_.make_directory("/spool"));
  const auto checked = Directory::check(disk_, "/spool");
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().text, HasSubstr("is no spool"));
}

TEST_F(DirectoryTest, WithFilesOfOthersIsRefused) {
  for (const char* name : {"/spool/format", "/spool/in-use-by"}) {
    ASSERT_EQ(refusal(), "");
    disk_.file(name).own = false;
    EXPECT_THAT(refusal(), HasSubstr(name)) << name;
    disk_.file(name).own = true;
    disk_.file(name).links = 2;
    EXPECT_THAT(refusal(), HasSubstr("is no plain file")) << name;
    disk_.file(name).links = 1;
    disk_.file(name).regular = false;
    EXPECT_THAT(refusal(), HasSubstr("is no plain file")) << name;
    disk_.file(name).regular = true;
  }
}

// The same on a real disk, with real links.
class RealDirectoryTest : public ::testing::Test {
 protected:
  std::string refusal() {
    const auto opened = Directory::open(*disk_, spool_, "mx1");
    return opened ? "" : opened.error().text;
  }
  std::unique_ptr<io::Disk> disk_ = io::make_real_disk();
  testing::DiskPlace place_{/*simulated=*/false};
  std::string spool_ = place_.path("spool");
};

TEST_F(RealDirectoryTest, IsLockedWhileItIsUsed) {
  const auto first = Directory::open(*disk_, spool_, "mx1");
  ASSERT_TRUE(first);
  EXPECT_THAT(refusal(), HasSubstr("another relay on this machine uses it"));
}

TEST_F(RealDirectoryTest, IsNotFooledByLinks) {
  namespace fs = std::filesystem;
  ASSERT_EQ(refusal(), "");
  const std::string format = spool_ + "/format";
  fs::create_hard_link(format, place_.path("second-name"));
  EXPECT_THAT(refusal(), HasSubstr("is no plain file"));
  fs::remove(place_.path("second-name"));
  EXPECT_EQ(refusal(), "");
  fs::rename(format, place_.path("elsewhere"));
  fs::create_symlink(place_.path("elsewhere"), format);
  EXPECT_THAT(refusal(), HasSubstr("is no plain file"));
  fs::remove(format);
  fs::rename(place_.path("elsewhere"), format);
  fs::remove(spool_ + "/lock");
  fs::create_symlink(place_.path("victim"), spool_ + "/lock");
  EXPECT_NE(refusal(), "");
  EXPECT_FALSE(fs::exists(place_.path("victim")));
}

TEST_F(RealDirectoryTest, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(refusal(), "");
  ASSERT_EQ(::chown(spool_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(refusal(), HasSubstr("belongs to another user"));
}

}  // namespace
}  // namespace sluice::spool
