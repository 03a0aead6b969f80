// One core: its loop, its listeners, its sessions, and the parts that they are given.  It knows all layers
// and wires them together; it decides nothing about mail itself.
// Made, run and destroyed on one thread; what may be called from others says so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "auth/backend/caching_authenticator.h"
#include "auth/backend/chain.h"
#include "auth/backend/mailbox_watch.h"
#include "engine/control/containment_request.h"
#include "engine/control/route_request.h"
#include "engine/control/sessions_request.h"
#include "engine/control/status.h"
#include "engine/io/loop.h"
#include "engine/io/names.h"
#include "engine/net/listener.h"
#include "engine/relay/memory_budget.h"
#include "engine/server/cluster.h"
#include "engine/server/core_metrics.h"
#include "engine/server/counters.h"
#include "engine/server/delivery_observer.h"
#include "engine/server/event_observer.h"
#include "engine/server/file_limits.h"
#include "engine/server/generation.h"
#include "engine/server/next_hop_totals.h"
#include "engine/server/oldest_mail.h"
#include "engine/server/queue_id.h"
#include "engine/session/admission.h"
#include "engine/session/session.h"
#include "policy/budget/budgets.h"

namespace sluice::server {

// A bound socket, and the listener of the plan that it belongs to.
struct BoundSocket {
  int socket = -1;
  std::size_t listener = 0;
};

// What all cores share; thread-safe, outlives them.
struct Shared {
  auth::AccountStore& store;
  const std::vector<auth::ConfiguredBackend>& backends;
  auth::SharedShield& shield;
  io::Workers& hash_threads;
  io::Workers* store_threads;  // see auth::BackendParts
  io::Workers& signing_threads;
  io::Names& names;
  io::Dns& dns;
  policy::Budgets& budgets;
  noticing::AccountWatch& watch;
  std::atomic<std::uint32_t>& last_segment;  // of the spool: what the next one is numbered after
  std::array<std::byte, auth::kCacheKeyBytes> cache_key;
  tls::TicketSecret ticket_secret;
  std::vector<Network> contained = {};  // at the start: no session may come from these
  // On a core: what is queued of such an account is to be held on all.  May be empty.
  std::function<void(const noticing::Notice&)> account_held = {};
};

// What should be nothing at the end.
struct CoreLeftOver {
  std::int64_t frames = 0;
  std::int64_t heap_blocks = 0;
  std::uint32_t buffers = 0;
  std::uint32_t operations = 0;
};

class Core {
 public:
  struct Options {
    std::uint32_t index = 0;
    io::LoopLimits limits;
    auth::CredentialCacheLimits cache;
    std::vector<BoundSocket> sockets;  // owned from here on
    spool::SpoolOptions spool;
    spool::Share spool_share;
    relay::QueueOptions queue;
    mx::MachineAddresses machine_addresses;                                            // at the start
    spool::QueueId last_id = 0;                                                        // new ones are greater
    DestinationOrders::Snapshot orders = std::make_shared<const DestinationOrders>();  // at the start
    std::function<void()> drained;  // on the core, when sessions and deliveries have ended
    std::function<void()> settled;  // on the core, when nothing is left to do; stop the loop then
  };
  // `events` is this core's own.
  Core(io::Platform platform, const Shared& shared, event::Emitter& events, Options options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // The error is a sentence; the core is then not to be run.
  std::expected<void, std::string> adopt(std::shared_ptr<const Plan> plan,
                                         std::shared_ptr<tls::CertificateStore> certificates);
  // On the core, once, on one of the process: device passwords go with their mailboxes from now on.
  void watch_mailboxes();
  // On the core, once, on one of the process, when all are there: it serves the cluster.  `hold_queued`: see Cluster.
  void join_cluster(const policy::ClusterOptions& options, auth::SharedShield& shield,
                    std::function<void(const std::string&, const std::string&)> hold_queued);
  // On that core: a step that this relay takes against an account, or lifts, for the cluster's other relays, if any.
  void publish_step(const std::string& account, noticing::Step step, Duration lasts, const std::string& reasons);
  // Null: another core serves the cluster, or there is none.
  [[nodiscard]] Cluster* cluster() { return cluster_.get(); }
  // Before run(): a message that an earlier process has left.
  void restore(const relay::Restored& restored, std::string_view customer, std::string_view destination) {
    queue_.restore(restored, customer, destination);
  }
  // On the core: the operator's orders about destinations, from now on.
  void set_orders(const DestinationOrders::Snapshot& orders);
  // On the core: no more sessions and connections to next hops than these, whatever is configured.
  void set_file_limits(const FileLimits& limits);
  // On the core: the machine has these addresses now.
  void set_machine_addresses(mx::MachineAddresses addresses);
  // Until drained: begin(), the loop's turns, finish().
  void run();
  // The parts of run(), for one thread that turns the loops of several cores: begin() once, then turns until settled(),
  // and until the loop has no operations, then finish().
  void begin();
  [[nodiscard]] bool settled() const { return settled_; }
  void finish();
  // Stops accepting; sessions end after what they have under way.  At `timeout` the rest is cut off: first what is
  // asked of others, so that clients that wait for a reply get one and the others 421, and kLastWords later all.
  void drain(Duration timeout);
  [[nodiscard]] bool draining() const { return draining_; }

  // Instead of run(), where adopt() failed.
  void give_up();

  [[nodiscard]] control::CoreStatus status();
  [[nodiscard]] CoreMetrics metrics();
  // Goes on looking for what metrics() tells of and is found in steps.
  void look_for_metrics() {
    oldest_.look();
    next_hop_totals_.look(current_->router());
  }
  // Asks the sessions that a request of sluicectl is about to end, each after the message that it is at.
  [[nodiscard]] control::CoreSessions end_sessions(const control::SessionsRequest& request);
  // Goes through all sessions that a request is about, a page at a time: see below.
  class SessionWalk;
  // What a containment is about is different in the store now.  Logins that are remembered are forgotten the `first`
  // time, and `networks` are those from which no session may come, where that is known.  Its sessions are asked to end;
  // where it ends sessions at once, no message of theirs is taken any more.
  struct ContainedSessions {
    std::uint64_t asked = 0;  // that were not ending before
    std::uint64_t left = 0;   // that may still take a message
  };
  ContainedSessions contain(const control::ContainmentRequest& request, bool first,
                            const std::optional<std::vector<Network>>& networks);
  // Which way a recipient's copy would go; with `connect`, tried to just before DATA.  Ends in bounded time.
  Task<control::RouteAnswer> test_route(control::RouteRequest request);
  [[nodiscard]] CoreLeftOver left_over() const;
  // The store tells that these accounts or customers are different now: what is remembered of them goes,
  // and their sessions end after the message that they are at.
  void forget_credentials(const auth::Changes& changes);
  // What it has leased of limits and no session has reserved.
  [[nodiscard]] std::vector<std::pair<policy::MeterKey, std::uint64_t>> unreserved_leases() const {
    return budget_.unreserved();
  }
  // For one connection of another kind (the control socket), served on this core.
  io::Loop& loop() { return loop_; }
  TaskSet& tasks() { return tasks_; }
  // What goes on after sessions and deliveries have ended, and is waited for before queue and spool are closed: the
  // control socket, and what it asks of this core.
  TaskSet& services() { return services_; }
  [[nodiscard]] std::uint32_t index() const { return options_.index; }
  relay::Queue& queue() { return queue_; }
  spool::Spool& spool() { return spool_; }
  // Any thread: `message` runs on the core.
  void post(std::function<void()> message) { loop_.post(std::move(message)); }

 private:
  struct Live;

  [[nodiscard]] CoreCounters counters();
  [[nodiscard]] control::SessionStatus session_status(const Live& live) const;

  Task<void> look_at_hosts(const relay::Destination& destination, const control::RouteRequest& request,
                           control::RouteAnswer& answer);
  void accepted(std::size_t listener, int socket);
  Task<void> serve(std::list<Live>::iterator live);
  Task<void> end();
  [[nodiscard]] Generation::Parts parts(std::shared_ptr<tls::CertificateStore> certificates);
  [[nodiscard]] std::uint32_t sessions_max() const;
  void apply_limits();
  void accept_failed(std::size_t listener, int error);
  void retire(std::unique_ptr<Generation> old);
  static Task<void> close_generation(std::unique_ptr<Generation> old);
  void sweep_retired();
  Task<void> open_listeners();
  void start_spool();
  static void on_sweep(void* self);
  static void cut_off(void* self);

  Options options_;
  io::Loop loop_;
  net::Resolver resolver_;
  net::Dialer dialer_;
  hop::ConnectionBudget outgoing_;
  hop::HostMemory host_memory_;
  hop::HopCounters hop_counters_;
  signing::SigningCounters signing_counters_;
  io::Workers& signing_threads_;
  tls::TicketKeys tickets_;
  event::Emitter& events_;
  auth::BackendChain backends_;
  auth::CachingAuthenticator authenticator_;
  auth::MailboxWatch mailbox_watch_;
  EventObserver observer_;
  noticing::AccountWatch& watch_;
  DeliveryObserver delivery_observer_;
  policy::CoreBudget budget_;
  policy::Budgets& budgets_;
  std::unique_ptr<Cluster> cluster_;  // null: another core serves it, or there is none
  QueueIds ids_;
  session::SessionCounters counters_;
  io::Dns& dns_;
  spool::Spool spool_;
  relay::Queue queue_;
  OldestMail oldest_;
  NextHopTotals next_hop_totals_;
  relay::MemoryBudget message_memory_{0};
  bool spool_started_ = false;
  std::unique_ptr<Generation> current_;
  std::vector<std::unique_ptr<Generation>> retired_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::list<Live> live_;
  std::vector<SessionWalk*> session_walks_;
  FileLimits file_limits_{.sessions_per_core = UINT32_MAX, .outgoing_per_core = UINT32_MAX};
  session::Admission admission_;
  std::uint64_t accepts_failed_ = 0;
  std::uint64_t next_session_ = 1;
  TaskSet tasks_;  // sessions, and what is served beside them
  TaskSet services_;
  TaskSet old_generations_;   // what ends them
  TaskSet ending_;            // end()
  AsyncEvent spool_settled_;  // open_listeners() waits
  io::Timer cut_off_{&cut_off, this};
  Instant abort_at_ = Instant::max();
  io::Timer sweep_{&on_sweep, this};
  bool draining_ = false;
  bool settled_ = false;
};

// That core's thread, like the core itself, which outlives it.  Sessions that end meanwhile are passed over, and new
// ones are met at last.
class Core::SessionWalk {
 public:
  explicit SessionWalk(Core& core);
  ~SessionWalk();
  SessionWalk(const SessionWalk&) = delete;
  SessionWalk& operator=(const SessionWalk&) = delete;
  // Looks at the next control::kSessionsPage sessions; `met` counts those of them that are meant.
  [[nodiscard]] control::CoreSessions next(const control::SessionsRequest& request);

 private:
  friend class Core;
  Core& core_;
  std::list<Live>::iterator at_;
};

}  // namespace sluice::server
