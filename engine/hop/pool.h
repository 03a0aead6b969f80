// The connections to the hosts of one destination (a route, or one domain's MX hosts): kept ones first, new
// ones up to a limit for each host, and a bounded queue of callers that have to wait.  A host that fails is left alone
// for a while, then tried by one session at a time; while others do the work, it is tried in the background. Hosts of
// the lowest preference come first; among equals load goes by weight.
//
// Nothing is first come, first served between customers: the next free connection goes to the waiting customer that has
// the fewest for its weight, so that one with more than its share of them gets none before the others had theirs; alone
// it may have all.  Messages with many recipients go behind those with few, with one turn of several.  And a message
// whose sender is slow gives its connection up as soon as another one waits for it (Holder). One per destination and
// core; that core's thread only.
#pragma once

#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/hop/connection_budget.h"
#include "engine/hop/hop_counters.h"
#include "engine/hop/next_hop.h"
#include "engine/net/dialer.h"
#include "engine/net/resolver.h"
#include "engine/route/route.h"

namespace sluice::hop {

// A host as a pool is given it.  Without addresses its name is looked up.
struct PoolHost {
  route::NextHopHost name;
  std::vector<io::Address> addresses;  // with the port
};

// For the control socket.
struct HostStatus {
  std::string label;
  std::uint32_t live = 0;
  std::uint32_t idle = 0;
  std::uint32_t failures = 0;  // in a row
  std::string last_error;
};

// Of all hosts of a pool, or of several pools.
struct HostTotals {
  std::uint64_t hosts = 0;
  std::uint64_t failing = 0;  // of these: the last attempt to connect failed
  std::uint64_t live = 0;     // connections, of which
  std::uint64_t idle = 0;
};

class Pool final : private ConnectionBudget::User {
 public:
  // The message on a lent connection.
  class Holder {
   public:
    Holder() = default;
    virtual ~Holder() = default;
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    // Whether it waits for its sender now, and longer than a connection that others wait for may be held.
    [[nodiscard]] virtual bool held_up_by_sender(Instant now) const = 0;
    // Gives the connection back, now.
    virtual void give_way() = 0;
  };

  // What is referred to outlives the pool.
  struct Parts {
    io::Loop& loop;
    net::Resolver& resolver;
    net::Dialer& dialer;
    ConnectionBudget& budget;
    HostMemory& memory;
    HopCounters& counters;
  };
  // `route` and `tls` outlive the pool; `tls` is null where the route has none.
  Pool(const Parts& parts, const route::Route& route, std::string hostname, tls::TlsClientContext* tls);
  // For hosts that the route does not name, such as MX hosts.
  Pool(const Parts& parts, const route::Route& route, std::vector<PoolHost> hosts, std::string hostname,
       tls::TlsClientContext* tls);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // From now on these.  A host that is among them already goes on as before; idle connections to the others are closed
  // now, lent ones when they come back.
  void set_hosts(std::vector<PoolHost> hosts);
  // Hosts that failed may be tried now.
  void reset_backoff();

  struct Want {
    std::string_view customer;              // whose message it is for
    ShareWeight weight = 1;                 // of that customer's share
    bool fresh = false;                     // no kept one, which might have been closed just now
    std::span<const std::string> but = {};  // labels of hosts that cannot carry the message
    bool large = false;                     // behind those that are not, with one turn of several
    Holder* holder = nullptr;               // stays until release(); null: the connection is never asked for
  };
  using Acquired = std::expected<std::unique_ptr<NextHop>, Failure>;
  // A connection on which MAIL may be said.  What `want` refers to outlives the task.
  Task<Acquired> acquire(Want want);
  // Whether there are hosts beside these.
  [[nodiscard]] bool any_but(std::span<const std::string> labels) const;
  // The operator's order that keeps all hosts from being used that are the pool's, the one that ends first; null: there
  // is a host.
  [[nodiscard]] const DestinationOrders::InForce* suspended() const;
  // Gives it back: kept if the dialog is in a state to go on, else closed in the background.
  void release(std::unique_ptr<NextHop> hop);
  // Remembers of `hop`'s host what it cannot do: connections that were opened without knowing it are not used again.
  void note(NextHop& hop, Lack lack, std::string_view why);
  // Its hosts, best first; with addresses, where they were given.
  [[nodiscard]] std::vector<PoolHost> hosts() const;
  // The addresses of one, looked up where they were not given.
  Task<net::Resolver::Found> addresses_of(PoolHost host);
  // A connection to one, for a test: it is none of the pool's, and the caller closes it.  `route`: as the pool's, but
  // for its timeouts; it outlives the task, and `transcript` the connection.
  Task<Acquired> open_apart(PoolHost host, std::vector<io::Address> addresses, const route::Route& route,
                            Transcript& transcript);
  // From now on no caller gets a connection; waiters are refused.
  void stop();
  // Stops, closes what is idle, waits for what is closing.  Once, when nothing is lent.
  Task<void> close();

  io::Loop& loop() { return parts_.loop; }
  [[nodiscard]] const route::Route& route() const { return route_; }
  // Those of the core.
  [[nodiscard]] HopCounters& counters() { return parts_.counters; }
  [[nodiscard]] std::vector<HostStatus> status() const;
  void add_to(HostTotals& totals) const;

 private:
  struct Host {
    route::NextHopHost name;
    std::string label;
    std::vector<io::Address> addresses;
    std::vector<std::unique_ptr<NextHop>> idle;  // the last one was used last
    std::uint32_t live = 0;                      // idle, lent and being opened
    std::uint32_t failures = 0;
    std::uint64_t pass = 0;  // grows with use, the slower the more weight
    bool probing = false;
    bool gone = false;  // not one of ours any more: goes with its last connection
    Instant retry_at;
    std::string last_error;
    Response last_said;  // with it
  };
  struct Waiter;
  // What one customer has of the pool.
  struct Share {
    Share(ConnectionBudget& of, std::string_view customer)
        : budget(of), account(of.open_account(customer)), turns(customer_share(customer)) {}
    ~Share() { budget.close_account(account); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    // From now on: of the message that asked last.
    void set_weight(ShareWeight weight) { account.standing.weight = turns.weight = weight; }
    // Whether it has fewer of the pool's connections than another, for its weight, or as many and waits for longer.
    [[nodiscard]] bool before(const Share& other) const {
      const std::uint64_t here = std::uint64_t{held} * other.turns.weight;
      const std::uint64_t there = std::uint64_t{other.held} * turns.weight;
      return here != there ? here < there : served < other.served;
    }
    void hold() {
      ++held;
      budget.hold(account);
    }
    void unhold() {
      --held;
      budget.unhold(account);
    }

    ConnectionBudget& budget;
    ConnectionBudget::Account& account;  // of all pools
    CustomerShare turns;                 // of the core's; its weight counts here, too
    std::uint32_t held = 0;              // connections that are lent, opened for it, or that it was called to take
    std::uint32_t callers = 0;           // in acquire()
    std::uint64_t served = 0;            // turn_ when it was last called
    std::deque<Waiter*> waiters;
    std::deque<Waiter*> large_waiters;
    [[nodiscard]] std::size_t waiting() const { return waiters.size() + large_waiters.size(); }
    [[nodiscard]] std::deque<Waiter*>& line(bool large) { return large ? large_waiters : waiters; }
  };
  struct Lent {
    NextHop* hop;
    Share* share;
    Holder* holder;
  };

  // pool.cc
  Task<Acquired> acquire_now(const Want& want, Waiter& caller);
  [[nodiscard]] std::string why_busy() const;
  void keep(std::unique_ptr<NextHop> hop);
  Task<Acquired> open(Host& host);
  Task<Acquired> try_addresses(Host& host);
  void probe_in_background(std::uint16_t preference);
  Task<void> probe(Host& host);
  void forget_gone();
  [[nodiscard]] Failure down() const;
  void discard(std::unique_ptr<NextHop> hop);
  Host& host_of(const NextHop& hop);
  static Task<void> close_and_free(std::unique_ptr<NextHop> hop, ConnectionBudget& budget);
  static void on_sweep(void* self);
  void arm_sweep();
  [[nodiscard]] Instant idle_since() const override;
  void close_longest_idle() override;
  [[nodiscard]] std::optional<ConnectionBudget::Standing> next_standing() override;
  [[nodiscard]] bool next_is_large() const override { return turn_is_large(); }
  void may_open() override;
  std::size_t give_way(std::size_t most) override;

  // pool_choice.cc
  [[nodiscard]] bool passed_over(const Host& host, const Want& want) const;
  [[nodiscard]] const DestinationOrders::InForce* order_about(const Host& host) const;
  std::unique_ptr<NextHop> take_idle(std::uint16_t preference, const Want& want);
  [[nodiscard]] bool unused_before(const Host& kept) const;
  Host* choose(std::uint16_t preference, const Want& want);
  [[nodiscard]] bool all_down(const Want& want) const;
  [[nodiscard]] std::uint16_t preference_now(const Want& want) const;
  [[nodiscard]] bool due(const Host& host) const;
  [[nodiscard]] bool has_room(const Want& want);
  void make_room(std::uint16_t preference);
  void count_use(Host& host);

  // pool_shares.cc
  using Shares = std::map<std::string, Share, std::less<>>;
  Share& share_of(const Want& want);
  Shares::iterator make_share(std::string_view customer);
  void lend(NextHop& hop, const Want& want, Waiter& caller);
  void take_back(const NextHop& hop);
  Task<bool> wait_turn(Waiter& caller, bool first_in_line);
  [[nodiscard]] std::size_t part_of_line(const Share& share) const;
  [[nodiscard]] bool turn_is_large() const;
  template <typename Before>
  [[nodiscard]] Share& least(bool large, Before before) const;
  [[nodiscard]] Share& next_of_core() const;
  [[nodiscard]] bool yields_to_other_pools();
  void call_first(Share& share, bool large, bool promised);
  void wake_one();
  void wake_all();
  void make_holders_give_way();
  static void on_look(void* self);

  Parts parts_;
  const route::Route& route_;
  std::string hostname_;
  tls::TlsClientContext* tls_;
  std::vector<std::unique_ptr<Host>> hosts_;
  Shares shares_;                // by customer
  std::vector<Share*> in_line_;  // those with waiters
  std::vector<Lent> lent_;
  std::size_t waiting_ = 0;        // waiters of all shares
  std::size_t large_waiting_ = 0;  // of these
  std::uint32_t others_ = 0;       // turns in a row that were not a large message's, though one waited
  std::size_t called_ = 0;         // callers whose turn has come, and that have not run yet
  std::uint64_t turn_ = 0;
  TaskSet closing_;  // connections that close, and probes
  io::Timer sweep_{&on_sweep, this};
  io::Timer look_{&on_look, this};  // for slow senders, while there are waiters
  bool stopping_ = false;
};

}  // namespace sluice::hop
