// A sender's pace while its message holds a connection to a next hop: design rule "a slow sender never occupies a
// shared resource that other customers wait for".
//
// Time is credited for each byte that the sender delivers, at kPaceBytesPerSecond, and never more than kPaceGrace ahead
// of now, so that one burst does not pay for a long silence.  While the transmission itself is at work, or waits for
// the next hop, the sender's clock stands still.
#include <algorithm>

#include "engine/relay/transmission_busy.h"

namespace sluice::relay {

Transmission::Busy::Busy(Transmission& transmission)
    : transmission_(transmission), since_(transmission.pool_.loop().now()) {
  transmission_.busy_ = true;
}

Transmission::Busy::~Busy() {
  const Instant now = transmission_.pool_.loop().now();
  Instant& until = transmission_.on_pace_until_;
  until = std::clamp(until + (now - since_), now, now + kPaceGrace);
  transmission_.busy_ = false;
}

void Transmission::Busy::received(std::size_t bytes) {
  constexpr std::uint64_t kMicrosPerSecond = 1'000'000;
  Instant& until = transmission_.on_pace_until_;
  const auto credit = std::chrono::microseconds(bytes * kMicrosPerSecond / kPaceBytesPerSecond);
  until = std::min(std::max(until, since_) + credit, since_ + kPaceGrace);
}

bool Transmission::held_up_by_sender(Instant now) const {
  return !busy_ && hop_ != nullptr && on_pace_until_ + kPaceGrace < now;
}

// The message goes on without the next hop: its recipients are deferred, so that it is kept, or the client gets 451.
void Transmission::give_way() {
  CHECK(!busy_ && hop_ != nullptr);
  end(halt({.reply = smtp::replies::kNextHopFailure,
            .detail = hop_->label() + ": its connection was given to other mail, as the client sends too slowly"}));
}

}  // namespace sluice::relay
