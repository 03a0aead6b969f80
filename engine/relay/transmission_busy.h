// Says that a transmission is at work for its caller; private to the transmission's own files.
#pragma once

#include "engine/relay/transmission.h"

namespace sluice::relay {

// On the frame of a call that the sink makes.
class Transmission::Busy {
 public:
  explicit Busy(Transmission& transmission);
  ~Busy();
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  // What the sender has delivered with this call.
  void received(std::size_t bytes);

 private:
  Transmission& transmission_;
  Instant since_;
};

}  // namespace sluice::relay
