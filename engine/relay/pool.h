// The connections of one route: kept ones first, new ones up to a limit for each host, and a bounded queue
// for who has to wait.  A host that fails is left alone for a while, then tried by one session at a time.
// One per route and core; that core's thread only.
#pragma once

#include <deque>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "engine/net/resolver.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/route.h"

namespace sluice::relay {

struct PoolCounters {
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;
  std::uint64_t failed = 0;   // attempts to open
  std::uint64_t waited = 0;   // sessions that had to wait for a connection
  std::uint64_t refused = 0;  // for which the wait was too long, or the queue full
};

// For the control socket.
struct HostStatus {
  std::string label;
  std::uint32_t live = 0;
  std::uint32_t idle = 0;
  std::uint32_t failures = 0;  // in a row
  std::string last_trouble;
};

class Pool {
 public:
  // `route`, `resolver` and `tls` outlive the pool; `tls` is null where the route has none.
  Pool(io::Loop& loop, net::Resolver& resolver, const Route& route, std::string hostname,
       net::TlsClientContext* tls);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  using Acquired = std::expected<std::unique_ptr<NextHop>, Trouble>;
  // A connection on which MAIL may be said.
  Task<Acquired> acquire();
  // Gives it back: kept if the dialog is in a state to go on, else closed in the background.
  void release(std::unique_ptr<NextHop> hop);
  // From now on nobody gets a connection; whoever waits for one is refused.
  void stop();
  // Stops, closes what is idle, waits for what is closing.  Once, when nothing is lent.
  Task<void> close();

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const PoolCounters& counters() const { return counters_; }
  [[nodiscard]] std::vector<HostStatus> status() const;
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

 private:
  struct Host {
    NextHopHost name;
    std::string label;
    std::vector<std::unique_ptr<NextHop>> idle;  // the last one was used last
    std::uint32_t live = 0;                      // idle, lent and being opened
    std::uint32_t failures = 0;
    bool probing = false;
    Instant retry_at;
    std::string last_trouble;
  };
  struct Waiter;

  std::unique_ptr<NextHop> take_idle();
  Host* choose(bool& all_down);
  Task<Acquired> open(Host& host);
  Task<Acquired> try_addresses(Host& host);
  Task<bool> wait_turn();
  void wake_one();
  [[nodiscard]] Trouble down() const;
  void discard(std::unique_ptr<NextHop> hop);
  Host& host_of(const NextHop& hop);
  static void on_sweep(void* self);
  void arm_sweep();

  io::Loop& loop_;
  net::Resolver& resolver_;
  const Route& route_;
  std::string hostname_;
  net::TlsClientContext* tls_;
  std::vector<Host> hosts_;
  std::size_t next_host_ = 0;
  std::deque<Waiter*> waiters_;
  TaskSet closing_;
  io::Timer sweep_{&on_sweep, this};
  bool stopping_ = false;
  PoolCounters counters_;
};

}  // namespace sluice::relay
