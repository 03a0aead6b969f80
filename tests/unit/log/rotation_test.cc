// A log file that is renamed or removed under the relay: lines go on into a file of the old name, whether an operator
// tells the relay or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "engine/log/log.h"

namespace sluice::log {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class SetClock final : public io::Clock {
 public:
  Instant now() override { return Instant(std::chrono::seconds(seconds.load())); }
  WallMillis wall() override { return 1'767'225'600'000; }
  std::atomic<int> seconds{1000};
};

constexpr event::DispatcherOptions kDispatcher{.ring_bytes = 32 * 1024, .interval = 1ms, .flush_timeout = 100ms};

class LogRotation : public ::testing::Test {
 protected:
  LogRotation() {
    std::string path = (fs::temp_directory_path() / "sluice-rotation-XXXXXX").string();
    folder_ = mkdtemp(path.data());
    file_ = folder_ / "log";
    sink_ = *open_log_file(file_.string());
    log_ = std::make_unique<Log>(LogOptions{.format = LogFormat::logfmt}, clock_, *sink_, events_);
    events_.start();
  }
  ~LogRotation() override {
    events_.stop();
    fs::remove_all(folder_);
  }
  static std::string text_of(const fs::path& file) {
    if (!fs::is_regular_file(file)) return {};
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
    return condition();
  }
  // Writes a line and waits until it is somewhere.
  void say(const char* word) {
    emitter_.emit(event::Listening{.address = word});
    EXPECT_TRUE(eventually([&] { return text_of(file_).contains(word) || text_of(folder_ / "log.1").contains(word); }))
        << word;
  }

  SetClock clock_;
  fs::path folder_;
  fs::path file_;
  std::unique_ptr<LogSink> sink_;
  event::Dispatcher events_{kDispatcher, clock_};
  std::unique_ptr<Log> log_;
  event::Emitter& emitter_ = events_.open();
};

TEST_F(LogRotation, ARenamedFileIsFollowedWithoutARequest) {
  say("first");
  fs::rename(file_, folder_ / "log.1");
  say("at-once");
  EXPECT_THAT(text_of(folder_ / "log.1"), HasSubstr("at-once"));
  ++clock_.seconds;
  say("second");
  EXPECT_THAT(text_of(file_), HasSubstr("second"));
  EXPECT_THAT(text_of(folder_ / "log.1"), Not(HasSubstr("address=second")));
}

TEST_F(LogRotation, AFileThatWasMadeAnewIsFollowed) {
  say("first");
  fs::rename(file_, folder_ / "log.1");
  std::ofstream(file_) << "made by the rotation\n";
  ++clock_.seconds;
  say("second");
  EXPECT_THAT(text_of(file_), HasSubstr("made by the rotation\n"));
  EXPECT_THAT(text_of(file_), HasSubstr("address=second"));
}

TEST_F(LogRotation, WhatCannotBeFollowedIsLoggedOnceAndTriedAgain) {
  say("first");
  const fs::path old = folder_ / "log.1";
  fs::rename(file_, old);
  fs::create_directory(file_);
  for (const char* word : {"second", "third"}) {
    ++clock_.seconds;
    say(word);
  }
  const std::string text = text_of(old);
  EXPECT_THAT(text, HasSubstr("address=third"));
  const std::size_t at = text.find("log_reopen_failed");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.find("log_reopen_failed", at + 1), std::string::npos);
  fs::remove(file_);
  ++clock_.seconds;
  say("fourth");
  EXPECT_THAT(text_of(file_), HasSubstr("address=fourth"));
}

TEST_F(LogRotation, ToReopenTellsWhatCameOfIt) {
  say("first");
  const auto bad = log_->reopen((folder_ / "absent/log").string());
  ASSERT_FALSE(bad.has_value());
  EXPECT_THAT(bad.error(), HasSubstr("absent/log: No such file"));
  say("second");
  EXPECT_THAT(text_of(file_), HasSubstr("address=second")) << "it goes on where it was";
  fs::rename(file_, folder_ / "log.1");
  EXPECT_TRUE(log_->reopen(file_.string()).has_value());
  EXPECT_TRUE(fs::exists(file_)) << "when it returns";
}

TEST_F(LogRotation, AReopenAfterTheThreadHasStoppedIsAnswered) {
  events_.stop();
  EXPECT_TRUE(log_->reopen((folder_ / "other").string()).has_value());
  EXPECT_FALSE(log_->reopen((folder_ / "absent/log").string()).has_value());
}

}  // namespace
}  // namespace sluice::log
