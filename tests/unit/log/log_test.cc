// The log and its sinks: nothing gets mixed up, a log that cannot be written holds up nothing, and what is lost is
// counted.
#include "engine/log/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/real_platform.h"
#include "tests/support/stopped_clock.h"

namespace sluice::log {
namespace {

using sluice::testing::StoppedClock;

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::uint64_t number_after(const std::string& line, std::string_view name) {
  const std::size_t at = line.find(name);
  std::uint64_t value = 0;
  if (at != std::string::npos) std::from_chars(line.data() + at + name.size(), line.data() + line.size(), value);
  return value;
}

// The sum of all lines that say that others are missing.
std::uint64_t dropped_in(const std::string& text) {
  std::uint64_t sum = 0;
  for (const std::string& line : lines_of(text)) {
    if (line.find("event=log_dropped") != std::string::npos) sum += number_after(line, "dropped=");
    if (line.find("event=events_lost") != std::string::npos) sum += number_after(line, "lost=");
  }
  return sum;
}

// Any event with a word and a number.
void say(event::Emitter& events, std::string_view word, std::uint64_t number) {
  events.emit(event::Started{.hostname = word, .cores = number});
}

std::uint64_t count_of(const std::string& text, std::string_view word) {
  const std::string wanted = "event=started hostname=" + std::string(word) + " ";
  return static_cast<std::uint64_t>(std::ranges::count_if(
      lines_of(text), [&](const std::string& line) { return line.find(wanted) != std::string::npos; }));
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

// A log, and the way to it.
struct Logging {
  Logging(io::Clock& clock, LogSink& sink)
      : events({.ring_bytes = 32 * 1024, .interval = 5ms, .flush_timeout = 100ms}, clock),
        log({.format = LogFormat::logfmt, .unwritten_bytes_max = 32 * 1024}, clock, sink, events) {}
  [[nodiscard]] std::uint64_t dropped() const { return log.dropped() + emitter.lost(); }

  event::Dispatcher events;
  Log log;
  event::Emitter& emitter = events.open();
};

struct Pipe {
  std::array<int, 2> ends{};
  Pipe() {
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    // As small as can be, so that it is full before a ring is empty.
    EXPECT_GT(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  }
  ~Pipe() {
    close_reader();
    ::close(ends[1]);
  }
  void close_reader() {
    if (ends[0] >= 0) ::close(ends[0]);
    ends[0] = -1;
  }
  // What is there now; waits for the first byte, some seconds at most.
  [[nodiscard]] std::string read() const {
    constexpr int kTimeoutMs = 10'000;
    pollfd ready{.fd = ends[0], .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kTimeoutMs) != 1) return {};
    std::array<char, 65536> bytes{};
    const ssize_t size = ::read(ends[0], bytes.data(), bytes.size());
    return {bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }
};

class TemporaryFolder {
 public:
  TemporaryFolder() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~TemporaryFolder() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }

 private:
  std::string path_ = ::testing::TempDir() + "log_test.XXXXXX";
  std::vector<std::string> files_;
};

std::string content_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A core that had the same CPU waited until some 200 KB were written.
TEST(Log, ManyLinesAreWrittenInPartsBetweenWhichACoreGoesOn) {
  StoppedClock clock;
  MemoryLogSink sink;
  event::Dispatcher events({.ring_bytes = 1024 * 1024, .interval = 100s, .flush_timeout = 100ms}, clock);
  Log log({.format = LogFormat::logfmt, .unwritten_bytes_max = 1024 * 1024}, clock, sink, events);
  event::Emitter& emitter = events.open();
  for (const bool started : {true, false}) {
    if (started) events.start();
    for (std::uint64_t i = 0; i < 2000; ++i) say(emitter, "many", i);
    events.stop();
  }
  EXPECT_EQ(count_of(sink.text(), "many"), 4000U);
  EXPECT_GT(sink.largest(), 0U);
  EXPECT_LE(sink.largest(), 32U * 1024U);
}

TEST(Log, WithoutItsThreadALineIsThereAtOnce) {
  StoppedClock clock;
  MemoryLogSink sink;
  Logging service(clock, sink);
  say(service.emitter, "first", 1);
  EXPECT_EQ(sink.text(), "time=1970-01-01T00:00:00.000Z level=info event=started hostname=first cores=1 queued=0\n");
}

TEST(Log, LevelsBelowItsOwnAreNotWritten) {
  StoppedClock clock;
  MemoryLogSink sink;
  Logging service(clock, sink);
  class Other final : public event::Consumer {
    void take(const event::Event& /*event*/) override {}
    event::Rest turn(event::Emitter& /*own*/) override { return {}; }
  } other;
  service.events.add(other, event::Severity::debug);
  service.emitter.emit(event::Login{.result = "granted"}, event::Severity::debug);
  EXPECT_THAT(sink.text(), IsEmpty());
  service.log.set(LogFormat::json, event::Severity::debug);
  service.emitter.emit(event::Login{.result = "granted"}, event::Severity::debug);
  EXPECT_THAT(sink.text(), HasSubstr(R"("level":"debug","event":"login","result":"granted")"));
}

TEST(Log, PiecesOfSeveralThreadsLinesAreNotMixed) {
  StoppedClock clock;
  MemoryLogSink sink;
  sink.limit(7, 0);
  Logging service(clock, sink);
  event::Emitter& one = service.events.open();
  event::Emitter& two = service.events.open();
  for (std::uint64_t n = 0; n < 30; ++n) {
    say(one, "one", n);
    say(two, "two", n);
    // Enough for a line of the first and a part of one of the second: to be gone on with there.
    sink.limit(7, 110 + n % 10);
  }
  sink.limit(7, 1'000'000);
  say(one, "one", 30);
  EXPECT_EQ(count_of(sink.text(), "one"), 31U);
  EXPECT_EQ(count_of(sink.text(), "two"), 30U);
  for (const std::string& line : lines_of(sink.text()))
    ASSERT_THAT(line, StartsWith("time=1970-01-01T00:00:00.000Z level=info event="));
}

// What must not happen: a log that cannot be written holds up mail.
TEST(Log, ABlockedPipeDropsAndGoesOn) {
  constexpr std::uint64_t kLines = 20'000;
  StoppedClock clock;
  const Pipe pipe;
  auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  Logging service(clock, **sink);
  event::Emitter& log = service.emitter;
  service.events.start();
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < kLines; ++n) {
    say(log, "test", n);
    if (n % (kLines / 4) == 0) std::this_thread::sleep_for(20ms);  // the log thread meets the full pipe
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_GT(service.dropped(), kLines / 2);

  std::string text;
  std::thread reader([&] {
    while (dropped_in(text) + count_of(text, "test") < kLines) {
      const std::string more = pipe.read();
      if (more.empty()) return;
      text += more;
    }
  });
  reader.join();
  EXPECT_EQ(dropped_in(text), service.dropped());
  EXPECT_EQ(count_of(text, "test"), kLines - service.dropped());
  EXPECT_THAT(text, HasSubstr("level=warning event=log_dropped dropped="));
  const std::uint64_t dropped = service.dropped();
  say(log, "after", 1);
  EXPECT_THAT(pipe.read(), HasSubstr("hostname=after"));
  EXPECT_EQ(service.dropped(), dropped);
}

TEST(Log, ABlockedPipeDoesNotHoldUpTheEnd) {
  StoppedClock clock;
  const Pipe pipe;
  auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  Logging service(clock, **sink);
  event::Emitter& log = service.emitter;
  service.events.start();
  for (std::uint64_t n = 0; n < 5000; ++n) say(log, "test", n);
  std::this_thread::sleep_for(20ms);
  const auto begin = std::chrono::steady_clock::now();
  service.events.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(Log, AReaderThatWentAwayDoesNotKillTheProcess) {
  StoppedClock clock;
  Pipe pipe;
  auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  Logging service(clock, **sink);
  event::Emitter& log = service.emitter;
  service.events.start();
  pipe.close_reader();
  for (std::uint64_t n = 0; n < 5000; ++n) say(log, "test", n);
  EXPECT_TRUE(eventually([&] { return service.dropped() > 0; }));
  service.events.stop();
}

TEST(Log, AFullDiskDropsAndTellsTheReason) {
  StoppedClock clock;
  MemoryLogSink sink;
  Logging service(clock, sink);
  event::Emitter& log = service.emitter;
  sink.fail(ENOSPC);
  for (std::uint64_t n = 0; n < 5000; ++n) say(log, "test", n);
  const std::uint64_t dropped = service.dropped();
  EXPECT_GT(dropped, 0U);
  sink.fail(0);
  say(log, "after", 1);
  EXPECT_EQ(dropped_in(sink.text()), service.dropped());
  EXPECT_EQ(count_of(sink.text(), "test"), 5000 - dropped);
  EXPECT_THAT(sink.text(), HasSubstr("reason=\"No space left on device\""));
}

TEST(Log, AFullDeviceFailsLikeAFullDisk) {
  auto sink = open_log_file("/dev/full");
  if (!sink) GTEST_SKIP() << sink.error();
  const auto written = (*sink)->write("x\n");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), ENOSPC);
}

TEST(Log, ReopenFollowsARotation) {
  StoppedClock clock;
  TemporaryFolder folder;
  const std::string file = folder.file("log");
  const std::string rotated = folder.file("log.1");
  auto sink = open_log_file(file);
  ASSERT_TRUE(sink) << sink.error();
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137U, 0U);
  Logging service(clock, **sink);
  event::Emitter& log = service.emitter;
  service.events.start();
  say(log, "before", 1);
  ASSERT_TRUE(eventually([&] { return !content_of(file).empty(); }));
  ASSERT_EQ(::rename(file.c_str(), rotated.c_str()), 0);
  static_cast<void>(service.log.reopen(file));
  ASSERT_TRUE(eventually([&] { return ::access(file.c_str(), F_OK) == 0; }));
  say(log, "after", 2);
  service.events.stop();
  EXPECT_EQ(count_of(content_of(rotated), "before"), 1U);
  EXPECT_EQ(count_of(content_of(file), "after"), 1U);
  EXPECT_EQ(count_of(content_of(file), "before"), 0U);
}

TEST(Log, WhatCannotBeReopenedIsLoggedInTheOldFile) {
  StoppedClock clock;
  TemporaryFolder folder;
  const std::string file = folder.file("log");
  auto sink = open_log_file(file);
  ASSERT_TRUE(sink) << sink.error();
  Logging service(clock, **sink);
  static_cast<void>(service.log.reopen("/nonexistent/log"));
  say(service.emitter, "after", 1);
  EXPECT_THAT(content_of(file),
              HasSubstr("event=log_reopen_failed file=/nonexistent/log reason=\"/nonexistent/log: No such file"));
  EXPECT_EQ(count_of(content_of(file), "after"), 1U);
}

TEST(Log, ANewFileDoesNotBeginWithHalfALine) {
  StoppedClock clock;
  MemoryLogSink sink;
  Logging service(clock, sink);
  event::Emitter& log = service.emitter;
  sink.limit(1000, 20);
  say(log, "cut", 1);
  say(log, "whole", 2);
  EXPECT_EQ(sink.text().size(), 20U);
  sink.clear();
  sink.limit(1000, 100'000);
  static_cast<void>(service.log.reopen("new"));
  EXPECT_EQ(sink.reopened(), "new");
  EXPECT_THAT(sink.text(), StartsWith("time="));
  EXPECT_EQ(count_of(sink.text(), "cut"), 0U);
  EXPECT_EQ(count_of(sink.text(), "whole"), 1U);
  EXPECT_EQ(dropped_in(sink.text()), 1U);
}

TEST(Log, SharedDescriptorsStayAsTheyWere) {
  const Pipe pipe;
  const int before = ::fcntl(pipe.ends[1], F_GETFL);
  const auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  EXPECT_EQ(::fcntl(pipe.ends[1], F_GETFL), before);
  EXPECT_NE((*sink)->descriptor(), pipe.ends[1]);
}

TEST(Log, ASocketThatIsFullIsLaterToo) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  auto sink = open_log_descriptor(ends[1]);
  ASSERT_TRUE(sink);
  const std::string bytes(4096, 'x');
  std::expected<std::size_t, int> written = 0;
  for (int i = 0; i < 10'000 && written; ++i) written = (*sink)->write(bytes);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), EAGAIN);
  ::close(ends[0]);
  EXPECT_EQ((*sink)->write(bytes).error(), EPIPE);
  ::close(ends[1]);
}

TEST(Log, FilesThatCannotBeOpenedAreSaidSo) {
  const auto sink = open_log_file("/nonexistent/log");
  ASSERT_FALSE(sink);
  EXPECT_THAT(sink.error(), HasSubstr("/nonexistent/log: No such file or directory"));
}

}  // namespace
}  // namespace sluice::log
