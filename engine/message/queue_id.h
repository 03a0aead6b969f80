// Queue ids: one number for each message, and how it is written: 13 letters and digits that sort by time.
// 42 bits of milliseconds since 2020 (to the year 2159), 12 of count within one, 10 of core.
// Pure.  Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace sluice::message {

using QueueId = std::uint64_t;  // 0 names nothing

// "0DKGR2N4T0400"
[[nodiscard]] std::string queue_id_text(QueueId id);
// Absent if `text` is not what queue_id_text() gives; letters may be small.
[[nodiscard]] std::optional<QueueId> parse_queue_id(std::string_view text);
// Ids that may be meant by a text of which one letter is wrong, missing, too many or in another's place, or letters are
// written that look like digits; without the id that it is.  Some 900 at most, each once.
[[nodiscard]] std::vector<QueueId> queue_ids_like(std::string_view text);

// When it was given; of ids that an earlier one pushed on, a little later.
[[nodiscard]] WallMillis queue_id_time(QueueId id);

// Ids of one core: each greater than the one before, whatever the clock does.
class QueueIdSequence {
 public:
  explicit QueueIdSequence(std::uint32_t core);
  // None that is given later is at or below `id`.
  void stay_above(QueueId id);
  QueueId next(WallMillis now);

 private:
  std::uint64_t last_ = 0;  // time and count of the last one
  std::uint32_t core_;
};

}  // namespace sluice::message
