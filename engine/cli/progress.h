// How far a long command is.  The control program's only thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <ostream>
#include <string_view>

#include "engine/cli/accounts.h"

namespace sluice::cli {

// One line on a terminal that is written over and over; nothing elsewhere.
class Progress {
 public:
  // `total`: 0 where it is not known.
  Progress(const AccountCommandWorld& world, std::string_view verb, std::size_t total)
      : world_(world), verb_(verb), total_(total), begun_(world.clock.now()), shown_(begun_) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (is_shown_) world_.err << "\r\x1B[K" << std::flush;
  }

  void at(std::size_t done) {
    constexpr Duration kInterval = std::chrono::milliseconds(200);
    if (!world_.progress || done == 0) return;
    const Instant now = world_.clock.now();
    if (now - shown_ < kInterval) return;
    shown_ = now;
    is_shown_ = true;
    if (total_ == 0) {
      world_.err << "\r\x1B[K" << verb_ << " " << done << std::flush;
      return;
    }
    const auto left = std::chrono::ceil<std::chrono::seconds>((now - begun_) / static_cast<std::int64_t>(done) *
                                                              static_cast<std::int64_t>(total_ - done));
    world_.err << "\r\x1B[K" << verb_ << " " << done << " of " << total_ << ", " << left.count() << " s left"
               << std::flush;
  }

 private:
  const AccountCommandWorld& world_;
  std::string_view verb_;
  std::size_t total_;
  Instant begun_;
  Instant shown_;
  bool is_shown_ = false;
};

}  // namespace sluice::cli
