// Files that are read a part at a time, and those that grow: what is there behind each step, and behind a fault.
#include "engine/io/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/append_file.h"
#include "engine/io/replaced_file.h"

namespace sluice::io {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() { std::filesystem::create_directory(directory_); }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string text() const { return read_file(file_, std::size_t{8} << 20).value_or("none"); }
  void make(std::string_view bytes) const { ASSERT_TRUE(AppendFile::replace(file_, bytes).has_value()); }

  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("sluice-files-" + std::to_string(::getpid()))).string();
  const std::string file_ = directory_ + "/file";
};

TEST_F(FilesTest, PiecesHaveWhatWasNotTakenAndEndOnce) {
  std::string bytes;
  for (std::size_t i = 0; i < 3 * kReadBytes; ++i) bytes.push_back(static_cast<char>('a' + i % 26));
  make(bytes);
  constexpr std::size_t kRecord = 1000;  // which no piece ends with
  std::string taken;
  int ends = 0;
  const auto left = read_pieces(file_, [&](std::string_view piece, bool end) {
    EXPECT_LE(piece.size(), kReadBytes);
    ends += end ? 1 : 0;
    const std::size_t whole = piece.size() / kRecord * kRecord;
    taken += piece.substr(0, whole);
    return whole;
  });
  EXPECT_EQ(left, bytes.size() % kRecord);
  EXPECT_EQ(taken, bytes.substr(0, bytes.size() - *left));
  EXPECT_EQ(ends, 1);
}

TEST_F(FilesTest, ASecretIsTheFirstLineOfAFileOrOfACredentialOfTheUnit) {
  make("word\r\nsecond line\n");
  EXPECT_EQ(read_secret(file_, 100).value_or("none"), "word");
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  const auto none = read_secret("credential:file", 100);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().starts_with("credential:file: ")) << none.error();
  EXPECT_NE(none.error().find("LoadCredential=file:PATH"), std::string::npos) << none.error();
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1), 0);
  EXPECT_EQ(read_secret("credential:file", 100).value_or("none"), "word");
  const auto other = read_secret("credential:other", 100);
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().starts_with(directory_ + "/other: ")) << other.error();
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

TEST_F(FilesTest, OfAFileThatNothingIsTakenOfNoMoreIsRead) {
  make(std::string(3 * kReadBytes, 'x'));
  std::size_t most = 0;
  const auto left = read_pieces(file_, [&](std::string_view piece, bool end) {
    EXPECT_FALSE(end);
    most = piece.size();
    return std::size_t{0};
  });
  EXPECT_EQ(left, 3 * kReadBytes);
  EXPECT_EQ(most, kReadBytes);
  EXPECT_FALSE(read_pieces(directory_, [](std::string_view, bool) { return std::size_t{0}; }).has_value());
}

TEST_F(FilesTest, AFileIsReplacedByPiecesWhenAllOfThemAreThere) {
  make("old");
  std::vector<std::string> pieces{"one ", "two ", "three"};
  std::size_t next = 0;
  auto file = AppendFile::replace(file_, [&]() -> std::string_view {
    EXPECT_EQ(text(), "old");
    return next < pieces.size() ? std::string_view(pieces[next++]) : std::string_view();
  });
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(text(), "one two three");
  ASSERT_TRUE(file->append(" four").has_value());
  EXPECT_EQ(text(), "one two three four");
  EXPECT_EQ(file->size(), text().size());
}

TEST_F(FilesTest, AFileThatCannotBeReplacedStaysAndNothingIsLeftBesideIt) {
  std::filesystem::create_directories(file_ + "/full");  // which no file takes the place of
  EXPECT_FALSE(AppendFile::replace(file_, "new").has_value());
  EXPECT_TRUE(std::filesystem::is_directory(file_ + "/full"));
  EXPECT_FALSE(std::filesystem::exists(file_ + ".new"));
}

TEST_F(FilesTest, AFileIsExtendedAndThenReadByItsOwnerAlone) {
  EXPECT_FALSE(AppendFile::extend(file_).has_value());
  make("old");
  ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
  auto file = AppendFile::extend(file_);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->size(), 3U);
  ASSERT_TRUE(file->append(" new").has_value());
  EXPECT_EQ(text(), "old new");
  EXPECT_EQ(file_mode(file_), 0600U);
}

TEST_F(FilesTest, AFileIsReplacedWholeAndKeepsItsMode) {
  ASSERT_TRUE(replace_file(file_, "old").has_value());
  EXPECT_EQ(file_mode(file_), 0644U);
  ASSERT_EQ(::chmod(file_.c_str(), 0640), 0);
  // What a process has left that was killed.
  std::filesystem::copy_file(file_, file_ + ".draft");
  ASSERT_TRUE(replace_file(file_, "new").has_value());
  EXPECT_EQ(text(), "new");
  EXPECT_EQ(file_mode(file_), 0640U);
  EXPECT_FALSE(std::filesystem::exists(file_ + ".draft"));
  EXPECT_FALSE(replace_file(directory_ + "/absent/file", "new").has_value());
  // A folder in its place stays.
  std::filesystem::create_directory(directory_ + "/folder");
  EXPECT_FALSE(replace_file(directory_ + "/folder", "new").has_value());
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/folder.draft"));
}

}  // namespace
}  // namespace sluice::io
