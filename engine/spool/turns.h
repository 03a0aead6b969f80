// Whoever changes a message takes turns: one change after the other, in the order in which they were asked for.  So the
// latest status is the last in the log, and no copy of a message is written behind its end.
// Owned by a Spool; one thread.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "engine/base/task.h"
#include "engine/message/queue_id.h"

namespace sluice::spool {

class Turns {
 public:
  // Lives in the frame of whoever changes the message; its turn ends with it.
  class Turn {
   public:
    Turn(Turns& turns, message::QueueId id) : turns_(turns), id_(id) {
      Turn*& last = turns_.last_[id_];
      if (last == nullptr) {
        begun_.open();
      } else {
        last->next_ = this;
      }
      last = this;
    }
    ~Turn() {
      if (next_ != nullptr) {
        next_->begun_.open();
      } else {
        turns_.last_.erase(id_);
      }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    // To be awaited before anything is done.
    Gate::Awaiter begun() { return begun_.wait("an earlier change of the message"); }

   private:
    Turns& turns_;
    message::QueueId id_;
    Turn* next_ = nullptr;
    Gate begun_;
  };

 private:
  absl::flat_hash_map<message::QueueId, Turn*> last_;  // of those that are being changed
};

}  // namespace sluice::spool
