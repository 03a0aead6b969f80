// The operator's orders about destinations that are in force: takes new ones, ends those whose time is over, keeps them
// over a restart, and makes the lists that all cores go by.
// Of the core that serves the control socket, but for load_orders(); its thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/destination_orders.h"
#include "engine/control/destination_request.h"
#include "engine/io/loop.h"
#include "engine/server/operator_events.h"

namespace sluice::server {

// What an earlier process has left.
struct LoadedOrders {
  std::vector<DestinationOrders::InForce> orders;  // those whose time is not over
  std::size_t damaged = 0;                         // lines that are none
  std::string fault;                               // why nothing was read of a file that is there
};
// `now` and `wall` are the same moment.  Before the cores start.
[[nodiscard]] LoadedOrders load_orders(const std::string& file, Instant now, WallMillis wall);

class OrderBook {
 public:
  struct Parts {
    io::Loop& loop;
    event::Emitter& events;
    std::string file;
    std::function<void(DestinationOrders::Snapshot)> changed;  // all cores are to go by these from now on
  };
  OrderBook(Parts parts, std::vector<DestinationOrders::InForce> orders);
  OrderBook(const OrderBook&) = delete;
  OrderBook& operator=(const OrderBook&) = delete;

  [[nodiscard]] std::vector<DestinationOrder> orders() const;
  // Suspends, limits or resumes.  What it was, or a sentence that says why it is not done.
  [[nodiscard]] std::expected<DestinationOrder, std::string> carry_out(const control::DestinationRequest& request,
                                                                       const Actor& actor);
  // Writes what is in force to the disk.  Why that failed; empty: it is there.
  Task<std::string> save();
  // No order ends by itself any more, and none is written.  Once, after the last carry_out().
  Task<void> close();

 private:
  void distribute();
  void arm();
  static void on_end(void* self);
  Task<void> save_after_end();
  void emit(const DestinationOrder& order, std::string_view what, const Actor& actor);

  Parts parts_;
  std::vector<DestinationOrders::InForce> orders_;  // by their names
  bool writing_ = false;
  std::deque<AsyncEvent*> turns_;  // of those who wait to write
  io::Timer end_{&on_end, this};
  TaskSet saving_;
  bool closed_ = false;
};

}  // namespace sluice::server
