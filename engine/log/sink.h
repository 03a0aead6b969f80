// Where the log's bytes go: a file, standard error, or memory.
// Used by the log thread alone (by the caller's, where there is none); never waits.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice::log {

class LogSink {
 public:
  virtual ~LogSink() = default;
  // How much of it was taken, at least one byte; or an errno, of which EAGAIN means: later.
  virtual std::expected<std::size_t, int> write(std::string_view bytes) = 0;
  // From now on to `file` (the same one again, after it was renamed).  The error is a sentence;
  // then all is as before.
  virtual std::expected<void, std::string> reopen(const std::string& file) = 0;
  // The file's name is another file's by now, or nothing's: it was renamed or removed, and is to be opened anew.
  [[nodiscard]] virtual bool moved() const { return false; }
  // What it was opened for; empty: it has no name.
  [[nodiscard]] virtual std::string file() const { return {}; }
  // What to poll after EAGAIN; -1: nothing.
  [[nodiscard]] virtual int descriptor() const { return -1; }
};

// "-" is standard error.  A file is appended to, and made (mode 0640) if it is missing.  The error
// is a sentence.
std::expected<std::unique_ptr<LogSink>, std::string> open_log_file(const std::string& file);
// For tests: the same for a descriptor that is open; the sink uses one of its own.
std::expected<std::unique_ptr<LogSink>, std::string> open_log_descriptor(int descriptor);

// For tests and simulation.  Any thread.
class MemoryLogSink final : public LogSink {
 public:
  std::expected<std::size_t, int> write(std::string_view bytes) override;
  std::expected<void, std::string> reopen(const std::string& file) override;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t largest() const;  // bytes that one write() was given
  void clear();
  // write() fails with this errno from now on; 0: no more.
  void fail(int error);
  // Takes at most this many bytes at a time, and fails with EAGAIN when this many in all were
  // taken.
  void limit(std::size_t piece_bytes, std::size_t total_bytes);
  [[nodiscard]] std::string reopened() const;  // the file last asked for

 private:
  mutable std::mutex mutex_;
  std::string text_;
  std::string reopened_;
  std::size_t largest_ = 0;
  std::size_t piece_bytes_ = std::size_t(-1);
  std::size_t left_bytes_ = std::size_t(-1);
  int error_ = 0;
};

}  // namespace sluice::log
