#include "engine/event/repeated_events.h"

namespace sluice::event {

bool RepeatedEvents::admit(Like like, std::uint32_t shown_max) {
  if (!timer_.armed()) loop_.timers().arm(timer_, loop_.now() + kWindow);
  if (bursts_.size() >= kBurstsMax && !bursts_.contains(like)) like = {"others", "others"};
  Burst& burst = bursts_[std::move(like)];
  burst.seen = true;
  if (burst.shown < shown_max) {
    ++burst.shown;
    return true;
  }
  ++burst.counted;
  return false;
}

// A burst goes on as long as something of it is seen in each window.
void RepeatedEvents::end_window() {
  for (auto entry = bursts_.begin(); entry != bursts_.end();) {
    Burst& burst = entry->second;
    if (burst.counted > 0) summary_(entry->first, std::exchange(burst.counted, 0));
    entry = std::exchange(burst.seen, false) ? std::next(entry) : bursts_.erase(entry);
  }
}

void RepeatedEvents::on_timer(void* context) {
  auto& self = *static_cast<RepeatedEvents*>(context);
  self.end_window();
  if (!self.bursts_.empty()) self.loop_.timers().arm(self.timer_, self.loop_.now() + kWindow);
}

void RepeatedEvents::flush() {
  end_window();
  bursts_.clear();
  loop_.timers().disarm(timer_);
}

}  // namespace sluice::event
