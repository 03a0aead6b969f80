// How long a client library may block, on the threads that it has for itself: most libraries offer their descriptor,
// and a read of it that has no end of its own.  Never on a core.
#pragma once

#include "engine/base/time.h"

namespace sluice::io {

// A point in time that a chain of blocking calls must not pass.  A value.
class BlockingDeadline {
 public:
  explicit BlockingDeadline(Duration timeout);
  // Zero once it is over.
  [[nodiscard]] Duration left() const;
  [[nodiscard]] bool is_over() const { return left() == Duration::zero(); }
  // Until `descriptor` can be read (or written, where that is asked for) or has failed; false when the deadline is
  // over.
  [[nodiscard]] bool wait(int descriptor, bool to_read, bool to_write) const;

 private:
  Instant end_;
};

}  // namespace sluice::io
