// Where a message goes that was on its way through when the next hop did not take it, or not for everybody: into safe
// keeping, from where it is delivered later and reported on.  Implemented over the spool.
// Owned by the core; its thread only.
#pragma once

#include <memory>

#include "engine/base/buffer.h"
#include "engine/base/task.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"

namespace sluice::relay {

// One message: begin() append()* commit(), or abandon() anywhere before commit() was called.  After commit() or
// abandon(), or once anything has returned false, it is done and is destroyed.
class Keeper {
 public:
  Keeper() = default;
  virtual ~Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // `envelope` outlives the keeper and does not change any more.
  virtual Task<bool> begin(const message::Envelope& envelope, message::BodyForm form) = 0;
  // The next bytes of the content, in that form.  Nothing has to be safe yet.
  virtual Task<bool> append(Chain bytes) = 0;
  // True: the message is safe, whatever happens to us.  `waiting` recipients are to be delivered to later, `failed`
  // ones reported to the sender unless they say that they are; a relayed one may want a report, too.
  virtual Task<bool> commit(message::DeliveryStatus status) = 0;
  virtual Task<void> abandon() = 0;
};

class Leftover {
 public:
  Leftover() = default;
  virtual ~Leftover() = default;
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;

  virtual std::unique_ptr<Keeper> make_keeper() = 0;
};

}  // namespace sluice::relay
