// A file that is added to and read at any place, and what is no such file.
#include "engine/io/plain_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

namespace sluice::io {
namespace {

using ::testing::HasSubstr;

class PlainFileTest : public ::testing::Test {
 protected:
  PlainFileTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~PlainFileTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = "/tmp/sluice-plain-file-" + std::to_string(::getpid());
  std::string path_ = folder_ + "/file";
};

TEST_F(PlainFileTest, GrowsAtItsEndAndIsReadAtAnyPlace) {
  auto file = PlainFile::open_to_append(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("one ") && file->append("two"));
  EXPECT_EQ(file->size(), 7U);
  std::array<char, 3> three{};
  EXPECT_EQ(file->read_at(4, three), 3U);
  EXPECT_EQ(std::string_view(three.data(), three.size()), "two");
  EXPECT_EQ(file->read_at(6, three), 1U) << "less at the end";
  EXPECT_EQ(file->read_at(100, three), 0U);
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PlainFileTest, IsGoneOnWithAndCutShort) {
  ASSERT_TRUE(PlainFile::open_to_append(path_)->append("whole half"));
  auto file = PlainFile::open_to_append(path_);
  ASSERT_TRUE(file && file->truncate(6) && file->append("again"));
  std::string text(20, '\0');
  const auto read = PlainFile::open_to_read(path_)->read_at(0, text);
  EXPECT_EQ(text.substr(0, read.value_or(0)), "whole again");
}

TEST_F(PlainFileTest, IsNoLinkNoPipeAndNoDirectory) {
  ASSERT_TRUE(PlainFile::open_to_append(path_));
  std::filesystem::create_symlink(path_, folder_ + "/link");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  for (const std::string name : {"/link", "/pipe", ""}) {
    const auto read = PlainFile::open_to_read(folder_ + name);
    ASSERT_FALSE(read) << name;
    EXPECT_THAT(read.error(), HasSubstr(folder_ + name));
    EXPECT_FALSE(PlainFile::open_to_append(folder_ + name)) << name;
  }
  EXPECT_FALSE(PlainFile::open_to_read(folder_ + "/missing"));
}

}  // namespace
}  // namespace sluice::io
