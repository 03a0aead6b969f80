// The log's thread and its sinks: nobody who logs waits, nothing gets mixed up, and what is lost is
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

namespace sluice::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

struct StoppedClock final : io::Clock {
  Instant now() override { return {}; }
  WallMillis wall() override { return 0; }
};

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

// The sum of all log_dropped lines.
std::uint64_t told_dropped(const std::string& text) {
  std::uint64_t sum = 0;
  for (const std::string& line : lines_of(text)) {
    if (line.find("event=log_dropped") != std::string::npos) sum += number_after(line, "dropped=");
  }
  return sum;
}

std::uint64_t count_of(const std::string& text, std::string_view event) {
  const std::string wanted = "event=" + std::string(event) + " ";
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

constexpr LogOptions kOptions{
    .format = LogFormat::logfmt, .ring_bytes = 32 * 1024, .interval = 5ms, .flush_timeout = 100ms};

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
    constexpr int kPatienceMs = 10'000;
    pollfd ready{.fd = ends[0], .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPatienceMs) != 1) return {};
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

TEST(LogRing, GivesBackWhatWasWrittenAcrossItsEnd) {
  LogRing ring(16);
  std::string written;
  std::string read;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7 + 1), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(ring.write(piece));
    written += piece;
    while (!ring.readable().empty()) {
      const std::string_view some = ring.readable().substr(0, 3);
      read += some;
      ring.consume(some.size());
    }
  }
  EXPECT_EQ(read, written);
}

TEST(LogRing, TakesAllOrNothing) {
  LogRing ring(16);
  EXPECT_TRUE(ring.write("0123456789"));
  EXPECT_TRUE(ring.half_full());
  EXPECT_FALSE(ring.write("abcdefg"));
  EXPECT_TRUE(ring.write("abcdef"));
  EXPECT_FALSE(ring.write("x"));
  ring.consume(9);
  EXPECT_FALSE(ring.half_full());
  EXPECT_TRUE(ring.write("x"));
  EXPECT_EQ(ring.readable(), "9abcdef");
}

TEST(Log, WithoutItsThreadALineIsThereAtOnce) {
  StoppedClock clock;
  MemoryLogSink sink;
  LogService service(kOptions, clock, sink);
  service.open().line(Level::info, "first").field("n", 1);
  EXPECT_EQ(sink.text(), "time=1970-01-01T00:00:00.000Z level=info event=first n=1\n");
}

TEST(Log, ManyThreadsLoseAndMixNothing) {
  constexpr int kThreads = 4;
  constexpr int kLines = 5000;
  const auto clock = io::make_real_clock();
  MemoryLogSink sink;
  LogOptions options = kOptions;
  options.ring_bytes = 4 * 1024 * 1024;
  LogService service(options, *clock, sink);
  service.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&service, t] {
      Log& log = service.open();
      for (int n = 0; n < kLines; ++n) log.line(Level::info, "test").field("thread", t).field("n", n).field("end", "!");
    });
  }
  for (std::thread& thread : threads) thread.join();
  service.stop();
  std::map<std::uint64_t, std::uint64_t> next;
  for (const std::string& line : lines_of(sink.text())) {
    ASSERT_THAT(line, StartsWith("time=2"));
    ASSERT_THAT(line, EndsWith(" end=!"));
    ASSERT_EQ(number_after(line, " n="), next[number_after(line, "thread=")]++) << line;
  }
  EXPECT_EQ(next.size(), std::size_t{kThreads});
  for (const auto& [thread, count] : next) EXPECT_EQ(count, std::uint64_t{kLines}) << thread;
  EXPECT_EQ(service.dropped(), 0U);
}

TEST(Log, ASleepingLogThreadIsWokenByOneLine) {
  StoppedClock clock;
  MemoryLogSink sink;
  LogService service(kOptions, clock, sink);
  Log& log = service.open();
  service.start();
  for (std::uint64_t n = 1; n <= 20; ++n) {
    log.line(Level::info, "test").field("n", n);
    ASSERT_TRUE(eventually([&] { return count_of(sink.text(), "test") == n; })) << n;
    std::this_thread::sleep_for(n % 5 == 0 ? 20ms : 0ms);
  }
}

TEST(Log, PiecesOfSeveralThreadsLinesAreNotMixed) {
  StoppedClock clock;
  MemoryLogSink sink;
  sink.limit(7, 0);
  LogService service(kOptions, clock, sink);
  Log& one = service.open();
  Log& two = service.open();
  for (int n = 0; n < 30; ++n) {
    one.line(Level::info, "one").field("n", n);
    two.line(Level::info, "two").field("n", n);
    // Enough for a line of the first and a part of one of the second: to be gone on with there.
    sink.limit(7, static_cast<std::size_t>(90 + n % 10));
  }
  sink.limit(7, 1'000'000);
  one.line(Level::info, "one").field("n", 30);
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
  LogService service(kOptions, clock, **sink);
  Log& log = service.open();
  service.start();
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 0; n < kLines; ++n) {
    log.line(Level::info, "test").field("n", n);
    if (n % (kLines / 4) == 0) std::this_thread::sleep_for(20ms);  // the log thread meets the full pipe
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_GT(service.dropped(), kLines / 2);

  std::string text;
  std::thread reader([&] {
    while (told_dropped(text) + count_of(text, "test") < kLines) {
      const std::string more = pipe.read();
      if (more.empty()) return;
      text += more;
    }
  });
  reader.join();
  EXPECT_EQ(told_dropped(text), service.dropped());
  EXPECT_EQ(count_of(text, "test"), kLines - service.dropped());
  EXPECT_THAT(text, HasSubstr("level=warning event=log_dropped dropped="));
  const std::uint64_t dropped = service.dropped();
  log.line(Level::info, "after").field("n", 1);
  EXPECT_THAT(pipe.read(), HasSubstr("event=after"));
  EXPECT_EQ(service.dropped(), dropped);
}

TEST(Log, ABlockedPipeDoesNotHoldUpTheEnd) {
  StoppedClock clock;
  const Pipe pipe;
  auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  LogService service(kOptions, clock, **sink);
  Log& log = service.open();
  service.start();
  for (int n = 0; n < 5000; ++n) log.line(Level::info, "test").field("n", n);
  std::this_thread::sleep_for(20ms);
  const auto begin = std::chrono::steady_clock::now();
  service.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(Log, AReaderThatWentAwayKillsNobody) {
  StoppedClock clock;
  Pipe pipe;
  auto sink = open_log_descriptor(pipe.ends[1]);
  ASSERT_TRUE(sink);
  LogService service(kOptions, clock, **sink);
  Log& log = service.open();
  service.start();
  pipe.close_reader();
  for (int n = 0; n < 5000; ++n) log.line(Level::info, "test").field("n", n);
  EXPECT_TRUE(eventually([&] { return service.dropped() > 0; }));
  service.stop();
}

TEST(Log, AFullDiskDropsAndTellsTheReason) {
  StoppedClock clock;
  MemoryLogSink sink;
  LogService service(kOptions, clock, sink);
  Log& log = service.open();
  sink.fail(ENOSPC);
  for (int n = 0; n < 5000; ++n) log.line(Level::info, "test").field("n", n);
  const std::uint64_t dropped = service.dropped();
  EXPECT_GT(dropped, 0U);
  sink.fail(0);
  log.line(Level::info, "after").field("n", 1);
  EXPECT_EQ(told_dropped(sink.text()), service.dropped());
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
  LogService service(kOptions, clock, **sink);
  Log& log = service.open();
  service.start();
  log.line(Level::info, "before").field("n", 1);
  ASSERT_TRUE(eventually([&] { return !content_of(file).empty(); }));
  ASSERT_EQ(::rename(file.c_str(), rotated.c_str()), 0);
  service.reopen(file);
  ASSERT_TRUE(eventually([&] { return ::access(file.c_str(), F_OK) == 0; }));
  log.line(Level::info, "after").field("n", 2);
  service.stop();
  EXPECT_EQ(count_of(content_of(rotated), "before"), 1U);
  EXPECT_EQ(count_of(content_of(file), "after"), 1U);
  EXPECT_EQ(count_of(content_of(file), "before"), 0U);
}

TEST(Log, WhatCannotBeReopenedIsToldInTheOldFile) {
  StoppedClock clock;
  TemporaryFolder folder;
  const std::string file = folder.file("log");
  auto sink = open_log_file(file);
  ASSERT_TRUE(sink) << sink.error();
  LogService service(kOptions, clock, **sink);
  service.reopen("/nonexistent/log");
  service.open().line(Level::info, "after").field("n", 1);
  EXPECT_THAT(content_of(file),
              HasSubstr("event=log_reopen_failed file=/nonexistent/log reason=\"/nonexistent/log: No such file"));
  EXPECT_EQ(count_of(content_of(file), "after"), 1U);
}

TEST(Log, ANewFileDoesNotBeginWithHalfALine) {
  StoppedClock clock;
  MemoryLogSink sink;
  LogService service(kOptions, clock, sink);
  Log& log = service.open();
  sink.limit(1000, 20);
  log.line(Level::info, "cut").field("n", 1);
  log.line(Level::info, "whole").field("n", 2);
  EXPECT_EQ(sink.text().size(), 20U);
  sink.clear();
  sink.limit(1000, 100'000);
  service.reopen("new");
  EXPECT_EQ(sink.reopened(), "new");
  EXPECT_THAT(sink.text(), StartsWith("time="));
  EXPECT_EQ(count_of(sink.text(), "cut"), 0U);
  EXPECT_EQ(count_of(sink.text(), "whole"), 1U);
  EXPECT_EQ(told_dropped(sink.text()), 1U);
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

TEST(Log, StopWritesWhatIsLeft) {
  StoppedClock clock;
  MemoryLogSink sink;
  LogOptions options = kOptions;
  options.interval = 10s;  // it will not get round to it by itself
  LogService service(options, clock, sink);
  Log& log = service.open();
  service.start();
  for (int n = 0; n < 100; ++n) log.line(Level::info, "test").field("n", n);
  service.stop();
  EXPECT_EQ(count_of(sink.text(), "test"), 100U);
  log.line(Level::info, "late").field("n", 1);
  EXPECT_EQ(count_of(sink.text(), "late"), 1U);
}

}  // namespace
}  // namespace sluice::log
