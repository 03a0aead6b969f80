// Several files of the log as one row of events in the order of time.  The control program's only thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/replay/recorded_event.h"

namespace sluice::cli {

struct LogFile {
  std::string name;
  std::istream& lines;  // outlives its reader
};

class EventLogs {
 public:
  explicit EventLogs(std::vector<LogFile> files);
  EventLogs(const EventLogs&) = delete;
  EventLogs& operator=(const EventLogs&) = delete;

  // The earliest of those that are next in their files; nothing: all have been read.
  [[nodiscard]] std::optional<policy::RecordedEvent> next();

  struct Counts {
    std::uint64_t lines = 0;
    std::uint64_t events = 0;     // that were replayed
    std::uint64_t malformed = 0;  // lines that could not be read
    std::string first_malformed;  // where and why
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // A file could not be read to its end; empty: all could.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct Source {
    LogFile file;
    std::uint64_t line = 0;
    std::optional<policy::RecordedEvent> next;
  };
  void advance(Source& source);
  [[nodiscard]] bool read_line(Source& source);

  std::vector<Source> sources_;
  std::string buffer_;
  std::string_view line_;  // of the buffer
  bool too_long_ = false;
  Counts counts_;
  std::string fault_;
};

}  // namespace sluice::cli
