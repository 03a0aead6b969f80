#include "tests/support/noticing_school.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace sluice::noticing {

SchoolResult run_school(std::uint32_t group, std::uint64_t seed) {
  constexpr std::size_t kParents = 2000;
  constexpr double kDeadShare = 0.04;
  Draw draw(seed);
  SimulatedAccount school(built_in_policy("list_server"), Route::mx);
  std::vector<Correspondent> parents(kParents);
  for (Correspondent& parent : parents) parent = {.hash = draw.next(), .dead = draw.chance(kDeadShare)};
  for (int week = 0; week < 4; ++week) {
    SentMessage message;
    message.text = sketch_of(some_words(draw, 200));
    message.network = 1UL << 60;
    Instant now = Instant() + std::chrono::hours(24 * (1000 + 7 * week));
    for (std::size_t begin = 0; begin < kParents; begin += group) {
      const auto end = static_cast<std::ptrdiff_t>(std::min(kParents, begin + group));
      message.recipients.assign(parents.begin() + static_cast<std::ptrdiff_t>(begin), parents.begin() + end);
      now += school.begin(message, now).wait;
      static_cast<void>(school.finish(message, now));
      now += std::chrono::milliseconds(200);
    }
    school.hear(now + std::chrono::hours(1));
  }
  return {.worst = school.worst(),
          .highest_score = school.highest_score(),
          .recipients_out = school.recipients_out(),
          .reasons = school.reasons()};
}

}  // namespace sluice::noticing
