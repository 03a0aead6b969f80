// Since when the oldest message of a core's queue waits: looked for in steps, so that a queue of a million jobs costs
// the core no more at one time than a short one.  That core's thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "engine/base/time.h"
#include "engine/schedule/schedule.h"
#include "engine/schedule/walk.h"

namespace sluice::server {

class OldestMail {
 public:
  // Of one look().
  static constexpr std::size_t kJobsMax = 2000;

  // `schedule` outlives it.
  explicit OldestMail(const schedule::Schedule& schedule) : schedule_(schedule) {}

  // Goes on with the pass, or begins another one.
  void look();
  // When it arrived, by the last whole pass; absent: there is none.
  [[nodiscard]] std::optional<WallMillis> queued() const { return found_.queued; }
  // Likewise, of those on hold.
  [[nodiscard]] std::optional<WallMillis> held() const { return found_.held; }

 private:
  struct Found {
    std::optional<WallMillis> queued;
    std::optional<WallMillis> held;
  };
  const schedule::Schedule& schedule_;
  std::unique_ptr<schedule::JobWalk> walk_;  // null: no pass is under way
  Found pass_;
  Found found_;
};

}  // namespace sluice::server
