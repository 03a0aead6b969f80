// A caller that waits for a connection of a pool; private to the pool's own files.
#pragma once

#include "engine/hop/pool.h"

namespace sluice::hop {

// On the frame of wait_turn().
struct Pool::Waiter {
  Waiter(Pool& pool, Share& share, bool first_in_line);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void leave_line();
  static void expire(void* waiter);

  Pool& pool_;
  Share& share_;
  AsyncEvent event;
  bool expired = false;
  bool called = false;  // its turn has come
  io::Timer timer_{&expire, this};
};

}  // namespace sluice::hop
