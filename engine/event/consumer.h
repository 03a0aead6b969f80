// What takes events off the cores: the log, and whatever else is to see all of them.  Called by one thread at a time,
// the event thread (dispatcher.h).
#pragma once

#include "engine/event/record.h"

namespace sluice::event {

class Emitter;

// What a consumer waits for behind its turn, beside further events.
struct Rest {
  bool pending = false;  // it has taken events that are not yet where they belong
  bool full = false;     // it has no room for further ones
  int timeout_ms = -1;   // its next turn is due then; -1: when there are events
  int writable = -1;     // or when this descriptor can be written; -1: none
};

class Consumer {
 public:
  virtual ~Consumer() = default;
  // Never waits: what cannot be put away at once is kept, within a bound, or is lost and counted by the consumer.
  virtual void take(const Event& event) = 0;
  // It writes events where they outlast the process: it gets their addresses as set_privacy() says.
  [[nodiscard]] virtual bool keeps() const { return false; }
  // Behind each round over the rings.  Must not wait either.  Events of the consumer itself go to `own`.
  virtual Rest turn(Emitter& own) = 0;
};

}  // namespace sluice::event
