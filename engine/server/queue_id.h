// The source of queue ids that sessions and the queue of one core draw from.  One core's.
#pragma once

#include <cstdint>
#include <string>

#include "engine/io/platform.h"
#include "engine/message/queue_id.h"
#include "engine/session/services.h"

namespace sluice::server {

class QueueIds final : public session::IdSource {
 public:
  QueueIds(io::Clock& clock, std::uint32_t core) : clock_(clock), sequence_(core) {}

  std::string next() override { return message::queue_id_text(number()); }
  message::QueueId number() { return sequence_.next(clock_.wall()); }
  // None that is given later is at or below `id`, which is in the spool already.
  void stay_above(message::QueueId id) { sequence_.stay_above(id); }

 private:
  io::Clock& clock_;
  message::QueueIdSequence sequence_;
};

}  // namespace sluice::server
