// A caller that asks for a connection of a pool, and perhaps waits for it; private to the pool's own files.
#pragma once

#include "engine/hop/pool.h"

namespace sluice::hop {

// On the frame of acquire().
struct Pool::Waiter {
  Waiter(Pool& pool, Share& share, bool large);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  [[nodiscard]] Share& share() { return share_; }
  void join_line(bool first);
  // Its turn has come; `by_core`: with a promise of the budget.
  void call(bool by_core);
  // It runs: what it opens or takes counts as its customer's.
  void start();
  static void expire(void* waiter);

  AsyncEvent event;
  bool expired = false;
  bool called = false;    // its turn has come, and it has not run yet
  bool holds = false;     // counts among what its customer has
  bool promised = false;  // a connection of the core's budget

 private:
  void leave_line();
  void leave_turn();
  void hold();

  Pool& pool_;
  Share& share_;
  const bool large_;
  io::Timer timer_{&expire, this};
};

}  // namespace sluice::hop
