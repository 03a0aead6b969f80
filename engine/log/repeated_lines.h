// Lines of the log that strangers can cause as often as they like: of equal ones the first few are written, those that
// follow are counted, and each kWindow one line says how many there were, until a window passes without any.
// One per core; that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "engine/io/loop.h"

namespace sluice::log {

class RepeatedLines {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);
  // Kinds of line that are told apart at one time; what comes beyond is counted together, as "others".
  static constexpr std::size_t kKindsMax = 1024;

  // What a line is about: the client's block, and what happened.
  using Kind = std::pair<std::string, std::string>;
  // Told how often a kind of line was not written.
  using Summary = std::function<void(const Kind& kind, std::uint64_t count)>;

  RepeatedLines(io::Loop& loop, Summary summary) : loop_(loop), summary_(std::move(summary)) {}
  RepeatedLines(const RepeatedLines&) = delete;
  RepeatedLines& operator=(const RepeatedLines&) = delete;

  // Whether this one is to be written, one of at most `lines_max` in a burst; if not, it was counted.
  [[nodiscard]] bool admit(Kind kind, std::uint32_t lines_max);
  // Tells all that was counted, and needs the loop no more until the next admit().
  void flush();

 private:
  void end_window();
  static void on_timer(void* self);

  io::Loop& loop_;
  Summary summary_;
  struct Burst {
    std::uint32_t written = 0;
    std::uint64_t counted = 0;  // in this window, and not written
    bool seen = false;          // in this window
  };
  std::map<Kind, Burst> bursts_;
  io::Timer timer_{&on_timer, this};
};

}  // namespace sluice::log
