// Where messages go one by one: a socket of syslog or of the journal.  What cannot be sent now is kept within a bound;
// what is lost beyond it is counted.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/time.h"
#include "engine/event/consumer.h"

namespace sluice::log {

// One thread's: the event thread's.
class Channel {
 public:
  Channel() = default;
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Never waits.
  virtual void add(std::string message) = 0;
  // Sends what can be sent without waiting.
  virtual event::Rest turn(Instant now) = 0;
  // As the configuration has it.
  [[nodiscard]] virtual const std::string& place() const = 0;
  // Messages, since the start, and why the last one was.
  [[nodiscard]] virtual std::uint64_t lost() const = 0;
  [[nodiscard]] virtual std::string lost_reason() const = 0;
};

}  // namespace sluice::log
