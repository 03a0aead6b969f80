// The secret by which the log hashes addresses.
#include "engine/event/log_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "engine/io/files.h"
#include "engine/io/real_platform.h"

namespace sluice::event {
namespace {

class LogKeyTest : public ::testing::Test {
 protected:
  LogKeyTest() {
    std::string path = (std::filesystem::temp_directory_path() / "sluice-log-key-XXXXXX").string();
    folder_ = ::mkdtemp(path.data());
  }
  ~LogKeyTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  const std::unique_ptr<io::Random> random_ = io::make_real_random();
};

TEST_F(LogKeyTest, IsMadeOnceForItsOwnerAlone) {
  const auto made = log_key(folder_, *random_);
  ASSERT_TRUE(made) << made.error();
  EXPECT_NE(*made, PrivacyKey{});
  EXPECT_EQ(io::file_mode(folder_ + "/log_key"), 0600U);
  const auto again = log_key(folder_, *random_);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, *made);
}

// A new key in its place would give every address another token, and nobody would be told.
TEST_F(LogKeyTest, AFileThatIsNoKeyIsAnError) {
  for (const char* text : {"", "00ff", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}) {
    std::ofstream(folder_ + "/log_key") << text;
    const auto key = log_key(folder_, *random_);
    ASSERT_FALSE(key) << text;
    EXPECT_TRUE(key.error().starts_with(folder_ + "/log_key: ")) << key.error();
  }
}

TEST_F(LogKeyTest, ADirectoryThatIsNotThereIsAnError) { EXPECT_FALSE(log_key("/proc/nowhere", *random_)); }

}  // namespace
}  // namespace sluice::event
