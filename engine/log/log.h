// The log: the consumer of events that writes each of them as a line, into a file or to standard error (sink.h).  Lines
// that the sink does not take are kept up to a bound; beyond it (a blocked pipe, a full disk) lines are dropped and
// counted, and once the sink can be written again the event `log_dropped` says how many.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/event/dispatcher.h"
#include "engine/io/platform.h"
#include "engine/log/line.h"
#include "engine/log/sink.h"

namespace sluice::log {

struct LogOptions {
  LogFormat format = LogFormat::json;
  event::Severity level = event::Severity::info;
  std::size_t unwritten_bytes_max = 1024 * 1024;  // at least one line
};

// Owned by the program; made before the event thread starts, which ends with it.
class Log final : public event::Consumer {
 public:
  // All of them outlive the log.
  Log(const LogOptions& options, io::Clock& clock, LogSink& sink, event::Dispatcher& events);
  ~Log() override { events_.stop(); }

  // Any thread: from now on.
  void set(LogFormat format, event::Severity level);
  // Any thread: opens `file` (again), and returns once the log goes there.  The error is a sentence, is logged as
  // well, and leaves everything as it was.  A file that was renamed or removed is opened anew without this, too, within
  // a second of the next line.
  std::expected<void, std::string> reopen(std::string file);
  // Any thread.  Lines that were not written, since the start.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  void take(const event::Event& event) override;
  [[nodiscard]] bool keeps() const override { return true; }
  event::Rest turn(event::Emitter& own) override;

 private:
  event::Rest write_out();
  void emit_dropped(event::Emitter& own);
  void reopen_if_asked(event::Emitter& own);
  std::expected<void, std::string> reopen_now(const std::string& file, event::Emitter& own);
  void follow(event::Emitter& own);
  void drop_rest_of_line();

  const LogOptions options_;
  io::Clock& clock_;
  LogSink& sink_;
  event::Dispatcher& events_;
  std::atomic<LogFormat> format_;
  std::atomic<event::Severity> level_;

  std::mutex mutex_;  // over the next one
  struct Reopening {
    std::string file;
    std::promise<std::expected<void, std::string>> done;
  };
  std::vector<Reopening> reopenings_;

  std::string unwritten_;    // whole lines, of the first perhaps only the rest
  std::size_t written_ = 0;  // of unwritten_, already in the sink
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t dropped_emitted_ = 0;
  int last_error_ = 0;
  Instant followed_;          // when it was last looked whether the file was moved
  std::string follow_error_;  // logged already
};

}  // namespace sluice::log
