// The connections to the hosts of one destination (a route, or one domain's mail exchangers): kept ones first, new
// ones up to a limit for each host, and a bounded queue for who has to wait.  A host that fails is left alone for a
// while, then tried by one session at a time; while others do the work, it is tried in the background.
// Hosts of the lowest preference come first; among equals load goes by weight.
// One per destination and core; that core's thread only.
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

// A host as a pool is given it.  Without addresses its name is looked up.
struct PoolHost {
  NextHopHost name;
  std::vector<io::Address> addresses;  // with the port
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
  // For hosts that the route does not name, such as mail exchangers.
  Pool(io::Loop& loop, net::Resolver& resolver, const Route& route, std::vector<PoolHost> hosts,
       std::string hostname, net::TlsClientContext* tls);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // From now on these.  Who is among them already goes on as before; idle connections to the others are closed now,
  // lent ones when they come back.
  void set_hosts(std::vector<PoolHost> hosts);
  // Hosts that failed may be tried now.
  void forgive();

  using Acquired = std::expected<std::unique_ptr<NextHop>, Trouble>;
  enum class Want : std::uint8_t { any, fresh };
  // A connection on which MAIL may be said; `fresh`: no kept one, which might have been closed just now.
  Task<Acquired> acquire(Want want = Want::any);
  // Gives it back: kept if the dialog is in a state to go on, else closed in the background.
  void release(std::unique_ptr<NextHop> hop);
  // From now on nobody gets a connection; whoever waits for one is refused.
  void stop();
  // Stops, closes what is idle, waits for what is closing.  Once, when nothing is lent.
  Task<void> close();

  io::Loop& loop() { return loop_; }
  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const PoolCounters& counters() const { return counters_; }
  [[nodiscard]] std::vector<HostStatus> status() const;
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

 private:
  struct Host {
    NextHopHost name;
    std::string label;
    std::vector<io::Address> addresses;
    std::vector<std::unique_ptr<NextHop>> idle;  // the last one was used last
    std::uint32_t live = 0;                      // idle, lent and being opened
    std::uint32_t failures = 0;
    std::uint64_t pass = 0;  // grows with use, the slower the more weight
    bool probing = false;
    bool gone = false;  // not one of ours any more: goes with its last connection
    Instant retry_at;
    std::string last_trouble;
  };
  struct Waiter;

  std::unique_ptr<NextHop> take_idle(std::uint16_t preference);
  [[nodiscard]] bool unused_before(const Host& kept) const;
  Host* choose(std::uint16_t preference);
  [[nodiscard]] bool all_down() const;
  [[nodiscard]] std::uint16_t preference_now() const;
  [[nodiscard]] bool due(const Host& host) const;
  void make_room(std::uint16_t preference);
  void probe_in_background(std::uint16_t preference);
  Task<void> probe(Host& host);
  void count_use(Host& host);
  void forget_gone();
  Task<Acquired> open(Host& host);
  Task<Acquired> try_addresses(Host& host);
  Task<bool> wait_turn();
  void wake_one();
  void wake_all();
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
  std::vector<std::unique_ptr<Host>> hosts_;
  std::deque<Waiter*> waiters_;
  TaskSet closing_;  // connections that close, and probes
  io::Timer sweep_{&on_sweep, this};
  bool stopping_ = false;
  PoolCounters counters_;
};

}  // namespace sluice::relay
