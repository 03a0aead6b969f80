#include "engine/log/repeated_lines.h"

namespace sluice::log {

bool RepeatedLines::admit(Kind kind, std::uint32_t lines_max) {
  if (!timer_.armed()) loop_.timers().arm(timer_, loop_.now() + kWindow);
  if (bursts_.size() >= kKindsMax && !bursts_.contains(kind)) kind = {"others", "others"};
  Burst& burst = bursts_[std::move(kind)];
  burst.seen = true;
  if (burst.written < lines_max) {
    ++burst.written;
    return true;
  }
  ++burst.counted;
  return false;
}

// A burst goes on as long as something of it is seen in each window.
void RepeatedLines::end_window() {
  for (auto entry = bursts_.begin(); entry != bursts_.end();) {
    Burst& burst = entry->second;
    if (burst.counted > 0) summary_(entry->first, std::exchange(burst.counted, 0));
    entry = std::exchange(burst.seen, false) ? std::next(entry) : bursts_.erase(entry);
  }
}

void RepeatedLines::on_timer(void* context) {
  auto& self = *static_cast<RepeatedLines*>(context);
  self.end_window();
  if (!self.bursts_.empty()) self.loop_.timers().arm(self.timer_, self.loop_.now() + kWindow);
}

void RepeatedLines::flush() {
  end_window();
  bursts_.clear();
  loop_.timers().disarm(timer_);
}

}  // namespace sluice::log
