// Events that strangers can cause as often as they like: of equal ones the first few are let through, those that follow
// are counted, and each kWindow a summary says how many there were, until a window passes without any. One per core;
// that core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "engine/io/loop.h"

namespace sluice::event {

class RepeatedEvents {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);
  // Bursts that are counted at one time; what comes beyond is counted together, as "others".
  static constexpr std::size_t kBurstsMax = 1024;

  // What makes two events equal: the client's block, and what happened.
  using Like = std::pair<std::string, std::string>;
  // Called with the number of events that were not let through.
  using Summary = std::function<void(const Like& like, std::uint64_t count)>;

  RepeatedEvents(io::Loop& loop, Summary summary) : loop_(loop), summary_(std::move(summary)) {}
  RepeatedEvents(const RepeatedEvents&) = delete;
  RepeatedEvents& operator=(const RepeatedEvents&) = delete;

  // Whether this one is let through, one of at most `shown_max` in a burst; if not, it was counted.
  [[nodiscard]] bool admit(Like like, std::uint32_t shown_max);
  // Sums up all that was counted, and needs the loop no more until the next admit().
  void flush();

 private:
  void end_window();
  static void on_timer(void* self);

  io::Loop& loop_;
  Summary summary_;
  struct Burst {
    std::uint32_t shown = 0;
    std::uint64_t counted = 0;  // in this window, and not shown
    bool seen = false;          // in this window
  };
  std::map<Like, Burst> bursts_;
  io::Timer timer_{&on_timer, this};
};

}  // namespace sluice::event
