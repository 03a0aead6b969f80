// A mutex for each message: changes of one message are made one after the other, in the order in which they were asked
// for. So the latest status is the last in the log, and no copy of a message is written behind its end. Owned by a
// Spool; one thread.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "engine/base/task.h"
#include "engine/message/queue_id.h"

namespace sluice::spool {

class KeyedMutex {
 public:
  // Lives in the frame of the coroutine that changes the message, and is given back with it.
  class Lock {
   public:
    Lock(KeyedMutex& mutex, message::QueueId id) : mutex_(mutex), id_(id) {
      Lock*& last = mutex_.last_[id_];
      if (last == nullptr) {
        acquired_.set();
      } else {
        last->next_ = this;
      }
      last = this;
    }
    ~Lock() {
      if (next_ != nullptr) {
        next_->acquired_.set();
      } else {
        mutex_.last_.erase(id_);
      }
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    // To be awaited before anything is done.
    AsyncEvent::Wait acquired() { return acquired_.wait("an earlier change of the message"); }

   private:
    KeyedMutex& mutex_;
    message::QueueId id_;
    Lock* next_ = nullptr;
    AsyncEvent acquired_;
  };

 private:
  absl::flat_hash_map<message::QueueId, Lock*> last_;  // of those that are being changed
};

}  // namespace sluice::spool
