// The one logger.  A Log is one thread's end of it: lines go into a ring of its own, and one log
// thread takes them from all rings to the sink, so that nobody who logs ever waits.  Where the sink
// cannot keep up (a blocked pipe, a full disk) and a ring is full, lines are dropped and counted,
// and once it can be written again a line of the event `log_dropped` says how many. Lines of one
// thread stay in order; those of several may be out of order by about one interval.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/base/time.h"
#include "engine/io/platform.h"
#include "engine/log/line.h"
#include "engine/log/ring.h"
#include "engine/log/sink.h"

namespace sluice::log {

class LogService;

// Owned by the service; used by one thread, from its start to its end.
class Log {
 public:
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // log.line(Level::info, "message").field("qid", id).field("bytes", size);
  // Within one statement: the line is written where that ends.
  LogLine line(Level level, LogName event);
  // Whether such lines are written at all.
  [[nodiscard]] bool writes(Level level) const;

 private:
  friend class LogLine;
  friend class LogService;
  Log(LogService& service, std::size_t ring_bytes) : service_(service), ring_(ring_bytes) {}
  void commit(std::string_view line);

  LogService& service_;
  LogRing ring_;
  std::atomic<std::uint64_t> dropped_{0};
};

struct LogOptions {
  LogFormat format = LogFormat::json;
  Level level = Level::info;
  std::size_t ring_bytes = 1024 * 1024;               // per thread; a power of two, at least two lines
  Duration interval = std::chrono::milliseconds(50);  // between two rounds of the log thread while there is something
  Duration flush_timeout = std::chrono::seconds(2);   // at stop(), for a sink that cannot be written
};

// Owned by the program, made before the threads that log and gone after them.
class LogService {
 public:
  // Both outlive the service.  `clock` is asked by every thread that logs.
  LogService(const LogOptions& options, io::Clock& clock, LogSink& sink);
  ~LogService();
  LogService(const LogService&) = delete;
  LogService& operator=(const LogService&) = delete;

  // Any thread; for each thread its own.
  Log& open();

  // Starts the log thread.  Before that, and after stop(), a line is in the sink when its statement
  // ends; then only one thread may log.  Simulation and one-shot programs never start it.
  void start();
  // Writes what is left, within the flush time-out, and joins the log thread.  Threads that log
  // have ended.
  void stop();

  // Any thread: from the next line on.
  void set(LogFormat format, Level level);
  // Any thread: opens `file` (again), and returns once the log goes there.  The error is a sentence, is logged as
  // well, and leaves everything as it was.  A file that was renamed or removed is opened anew without this, too, within
  // a second of the next line.
  std::expected<void, std::string> reopen(std::string file);

  // Any thread.  Lines that had no room since the start.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  friend class Log;
  enum class Progress : std::uint8_t { idle, moved, blocked, failed };

  void wrote(Log& log);
  void wake();
  void run();
  Progress drain();
  Progress drain_log(Log& log);
  void report_dropped();
  void reopen_if_asked();
  std::expected<void, std::string> reopen_now(const std::string& file);
  void follow();
  void drop_rest_of_line();
  void sleep(Progress progress, bool stopping);
  void poll_for(int timeout_ms, bool sink_too);
  void snapshot_logs();
  [[nodiscard]] bool all_empty() const;

  const LogOptions options_;
  io::Clock& clock_;
  LogSink& sink_;
  std::atomic<LogFormat> format_;
  std::atomic<Level> level_;

  mutable std::mutex mutex_;  // over the next two
  std::vector<std::unique_ptr<Log>> logs_;
  struct Reopening {
    std::string file;
    std::promise<std::expected<void, std::string>> done;
  };
  std::vector<Reopening> reopenings_;
  std::atomic<bool> reopen_{false};

  std::atomic<bool> running_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> asleep_{false};  // the log thread waits until it is woken
  std::atomic<bool> wake_sent_{false};
  int wake_ = -1;  // eventfd
  std::thread thread_;

  // The log thread's; or whoever logs, while there is none.
  Log own_;
  std::vector<Log*> seen_;
  Log* unfinished_ = nullptr;  // a part of a line of this one is in the sink
  std::uint64_t reported_ = 0;
  int last_error_ = 0;
  Instant followed_;          // when it was last looked whether the file was moved
  std::string follow_error_;  // logged already
};

}  // namespace sluice::log
