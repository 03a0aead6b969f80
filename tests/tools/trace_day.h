// What write_trace_day is made of: the hours of the day, the ledger of what is true of it, the schedule of what is to
// happen, and the file of the trace.  One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/event/events.h"
#include "engine/io/real_platform.h"
#include "engine/text/json_text.h"
#include "engine/trace/block.h"
#include "engine/trace/segment_writer.h"

namespace sluice::trace_day {

inline constexpr WallMillis kSecond = 1000;
inline constexpr WallMillis kMinute = 60 * kSecond;
inline constexpr WallMillis kHour = 60 * kMinute;
inline constexpr WallMillis kDayBegin = 1'795'824'000 * kSecond;
inline constexpr WallMillis kDayEnd = kDayBegin + 24 * kHour;

// What is true of the day, counted where an event is created.
class Ledger {
 public:
  void count(const std::string& what, const std::string& of) { ++counts_[what][of]; }
  void note(const std::string& key, const std::string& value) { notes_[key] = value; }
  void print() const {
    std::printf("{\"notes\": {");
    const char* before = "";
    for (const auto& [key, value] : notes_) {
      std::printf("%s\n  %s: %s", before, text::json_string(key).c_str(), text::json_string(value).c_str());
      before = ",";
    }
    std::printf("},\n\"counts\": {");
    before = "";
    for (const auto& [what, counts] : counts_) {
      std::printf("%s\n  %s: {", before, text::json_string(what).c_str());
      const char* between = "";
      for (const auto& [of, count] : counts) {
        std::printf("%s%s: %llu", between, text::json_string(of).c_str(), static_cast<unsigned long long>(count));
        between = ", ";
      }
      std::printf("}");
      before = ",";
    }
    std::printf("}}\n");
  }

 private:
  std::map<std::string, std::string> notes_;
  std::map<std::string, std::map<std::string, std::uint64_t>> counts_;
};

// What is to happen, in the order of time.
class Schedule {
 public:
  void add(WallMillis at, std::function<void()> what) {
    if (at < kDayEnd) due_.push({.at = at, .number = ++count_, .what = std::move(what)});
  }
  void run_until(WallMillis now) {
    while (!due_.empty() && due_.top().at <= now) {
      const auto what = due_.top().what;
      due_.pop();
      what();
    }
  }

 private:
  struct Due {
    WallMillis at = 0;
    std::uint64_t number = 0;
    std::function<void()> what;
    bool operator<(const Due& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  std::priority_queue<Due> due_;
  std::uint64_t count_ = 0;
};

class TraceFile {
 public:
  explicit TraceFile(const std::string& directory)
      : disk_(io::make_real_disk()),
        writer_(*disk_, directory, {.days = 3650, .bytes_max = std::uint64_t{1} << 42, .free_bytes_min = 0}) {}
  template <typename T>
  void add(WallMillis at, const T& event, event::Severity severity = T::kSeverity) {
    const auto values = event::values_of(event);
    block_.add({.at = at, .kind = T::kKind, .severity = severity, .row = event::row_of(T::kKind), .values = values});
    if (block_.full()) flush(at);
  }
  void flush(WallMillis at) {
    if (block_.empty()) return;
    if (const auto written = writer_.append(block_.finish(), at); !written) {
      std::fprintf(stderr, "write_trace_day: %s\n", written.error().c_str());
      std::exit(1);
    }
  }

 private:
  std::unique_ptr<io::Disk> disk_;
  trace::BlockWriter block_;
  trace::SegmentWriter writer_;
};

}  // namespace sluice::trace_day
