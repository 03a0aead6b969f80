#include "engine/log/log.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace sluice::log {
namespace {

constexpr std::size_t kOwnRingBytes = 16 * 1024;
static_assert(kOwnRingBytes >= 2 * kLogLineBytesMax);
// How long a sink that fails, or one that cannot be polled, is left alone.
constexpr int kRetryFailedMs = 200;
constexpr int kRetryBlockedMs = 1000;
constexpr int kGatherMs = 1;
constexpr Duration kFollowEvery = std::chrono::seconds(1);

int milliseconds(Duration span) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
}

}  // namespace

LogLine Log::line(Level level, LogName event) {
  if (!writes(level)) return {nullptr, LogFormat::json, 0, level, event};
  return {this, service_.format_.load(std::memory_order_relaxed), service_.clock_.wall(), level, event};
}

bool Log::writes(Level level) const { return level >= service_.level_.load(std::memory_order_relaxed); }

void Log::commit(std::string_view line) {
  if (!ring_.write(line)) dropped_.fetch_add(1, std::memory_order_relaxed);
  service_.wrote(*this);
}

LogService::LogService(const LogOptions& options, io::Clock& clock, LogSink& sink)
    : options_(options),
      clock_(clock),
      sink_(sink),
      format_(options.format),
      level_(options.level),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      own_(*this, kOwnRingBytes) {
  CHECK(wake_ >= 0);
  CHECK(options.ring_bytes >= 2 * kLogLineBytesMax);
  CHECK(options.interval >= std::chrono::milliseconds(1));
}

LogService::~LogService() {
  stop();
  ::close(wake_);
}

Log& LogService::open() {
  const std::lock_guard lock(mutex_);
  logs_.push_back(std::unique_ptr<Log>(new Log(*this, options_.ring_bytes)));
  return *logs_.back();
}

void LogService::start() {
  CHECK(!thread_.joinable());
  // Signals are the other threads' business; and a pipe without a reader is an error like any
  // other.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  running_.store(true);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LogService::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  wake();
  thread_.join();
  running_.store(false);
  stopping_.store(false);
  reopen_if_asked();
}

void LogService::set(LogFormat format, Level level) {
  format_.store(format, std::memory_order_relaxed);
  level_.store(level, std::memory_order_relaxed);
}

std::expected<void, std::string> LogService::reopen(std::string file) {
  std::future<std::expected<void, std::string>> done;
  {
    const std::lock_guard lock(mutex_);
    Reopening& asked = reopenings_.emplace_back(Reopening{.file = std::move(file), .done = {}});
    done = asked.done.get_future();
    reopen_.store(true);
  }
  if (running_.load()) {
    wake();
  } else {
    reopen_if_asked();
    drain();
  }
  return done.get();
}

std::uint64_t LogService::dropped() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = own_.dropped_.load(std::memory_order_relaxed);
  for (const auto& log : logs_) sum += log->dropped_.load(std::memory_order_relaxed);
  return sum;
}

// After a line was put into a ring, or found no room there.
void LogService::wrote(Log& log) {
  if (&log == &own_) return;
  if (!running_.load(std::memory_order_relaxed)) {
    drain();
  } else if (asleep_.load() && asleep_.exchange(false)) {
    wake();
  } else if (log.ring_.half_full() && !wake_sent_.load() && !wake_sent_.exchange(true)) {
    wake();
  }
}

void LogService::wake() {
  const std::uint64_t one = 1;
  // It only fails when the count is at its end: then the log thread is woken already.
  (void)!::write(wake_, &one, sizeof one);
}

void LogService::run() {
  pthread_setname_np(pthread_self(), "sluice-log");
  int rounds_left = milliseconds(options_.flush_timeout) / milliseconds(options_.interval);
  while (true) {
    const bool stopping = stopping_.load();
    reopen_if_asked();
    follow();
    const Progress progress = drain();
    if (stopping) {
      if (progress == Progress::idle) return;
      if (progress == Progress::moved) continue;
      if (rounds_left-- <= 0) return;
    }
    sleep(progress, stopping);
  }
}

// One round over all rings.
LogService::Progress LogService::drain() {
  Progress sum = Progress::idle;
  const auto take = [&](Log& log) {
    const Progress progress = drain_log(log);
    if (progress != Progress::idle) sum = progress;
    return progress == Progress::idle || progress == Progress::moved;
  };
  if (unfinished_ != nullptr && !take(*unfinished_)) return sum;
  if (!take(own_)) return sum;
  snapshot_logs();
  for (Log* log : seen_) {
    if (!take(*log)) return sum;
  }
  report_dropped();
  take(own_);
  return sum;
}

// What is in one ring, whole lines; at most about as much as it holds, as others wait too.
LogService::Progress LogService::drain_log(Log& log) {
  std::size_t moved = 0;
  while (moved < options_.ring_bytes || unfinished_ == &log) {
    const std::string_view bytes = log.ring_.readable();
    if (bytes.empty()) break;
    const auto written = sink_.write(bytes);
    if (!written) {
      last_error_ = written.error();
      return last_error_ == EAGAIN ? Progress::blocked : Progress::failed;
    }
    CHECK(*written > 0 && *written <= bytes.size());
    unfinished_ = bytes[*written - 1] == '\n' ? nullptr : &log;
    moved += *written;
    log.ring_.consume(*written);
  }
  return moved > 0 ? Progress::moved : Progress::idle;
}

void LogService::report_dropped() {
  const std::uint64_t now = dropped();
  if (now == reported_) return;
  const int error = std::exchange(last_error_, 0);
  own_.line(Level::warning, "log_dropped")
      .field("dropped", now - reported_)
      .field_if_any("reason", error == 0        ? ""
                              : error == EAGAIN ? "the log could not be written fast enough"
                                                : std::strerror(error));
  reported_ = now;
}

void LogService::reopen_if_asked() {
  if (!reopen_.load()) return;
  std::vector<Reopening> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(reopenings_);
    reopen_.store(false);
  }
  for (Reopening& one : asked) one.done.set_value(reopen_now(one.file));
}

std::expected<void, std::string> LogService::reopen_now(const std::string& file) {
  auto done = sink_.reopen(file);
  if (!done) {
    own_.line(Level::error, "log_reopen_failed").field("file", file).field("reason", done.error());
    return done;
  }
  follow_error_.clear();
  drop_rest_of_line();
  return done;
}

// A rotation that tells nobody: lines must not go on into a file that is about to be packed or deleted.
void LogService::follow() {
  const Instant now = clock_.now();
  if (now - followed_ < kFollowEvery) return;
  followed_ = now;
  if (!sink_.moved()) return;
  const std::string file = sink_.file();
  if (const auto done = sink_.reopen(file); done) {
    follow_error_.clear();
    drop_rest_of_line();
  } else if (done.error() != follow_error_) {
    follow_error_ = done.error();
    own_.line(Level::error, "log_reopen_failed").field("file", file).field("reason", follow_error_);
  }
}

// Its beginning is elsewhere.
void LogService::drop_rest_of_line() {
  if (unfinished_ == nullptr) return;
  Log& log = *std::exchange(unfinished_, nullptr);
  own_.dropped_.fetch_add(1, std::memory_order_relaxed);
  while (true) {
    const std::string_view bytes = log.ring_.readable();
    CHECK(!bytes.empty());  // lines go in whole
    const std::size_t end = bytes.find('\n');
    log.ring_.consume(std::min(end, bytes.size() - 1) + 1);
    if (end != std::string_view::npos) return;
  }
}

void LogService::sleep(Progress progress, bool stopping) {
  const int interval_ms = milliseconds(options_.interval);
  // While nothing can be written, who logs need not say that there is much to write.
  wake_sent_.store(progress == Progress::blocked || progress == Progress::failed);
  switch (progress) {
    case Progress::moved:
      poll_for(interval_ms, false);
      break;
    case Progress::blocked:
      poll_for(stopping ? interval_ms : kRetryBlockedMs, true);
      break;
    case Progress::failed:
      poll_for(stopping ? interval_ms : kRetryFailedMs, false);
      break;
    case Progress::idle:
      asleep_.store(true);
      if (all_empty() && !reopen_.load() && !stopping_.load()) {
        poll_for(-1, false);
        // What belongs to the first line, such as all errors of a reload, is written together with it.
        if (!reopen_.load() && !stopping_.load()) poll_for(kGatherMs, false);
      }
      asleep_.store(false);
      break;
  }
}

void LogService::poll_for(int timeout_ms, bool sink_too) {
  std::array<pollfd, 2> ready{pollfd{.fd = wake_, .events = POLLIN, .revents = 0},
                              pollfd{.fd = sink_too ? sink_.descriptor() : -1, .events = POLLOUT, .revents = 0}};
  ::poll(ready.data(), ready.size(), timeout_ms);
  std::uint64_t count = 0;
  if ((ready[0].revents & POLLIN) != 0) (void)!::read(wake_, &count, sizeof count);
}

void LogService::snapshot_logs() {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = seen_.size(); i < logs_.size(); ++i) seen_.push_back(logs_[i].get());
}

bool LogService::all_empty() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(logs_, [](const auto& log) { return log->ring_.readable().empty(); });
}

}  // namespace sluice::log
