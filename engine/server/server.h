// The relay as a process: binds, drops privileges, opens the store and the log, runs a thread a core, and
// follows signals until it is asked to stop.  The main thread's; the cores' threads are its own.
#pragma once

#include <array>
#include <atomic>
#include <expected>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/event/dispatcher.h"
#include "engine/io/process.h"
#include "engine/log/forwarder.h"
#include "engine/log/log.h"
#include "engine/metrics/event_metrics.h"
#include "engine/notify/notifier.h"
#include "engine/server/address_watch.h"
#include "engine/server/certificate_watch.h"
#include "engine/server/control.h"
#include "engine/server/core.h"
#include "engine/server/decision_log.h"
#include "engine/server/domain_watch.h"
#include "engine/server/listening.h"
#include "engine/server/monitoring.h"
#include "engine/server/plan.h"
#include "engine/server/sender_activity.h"
#include "engine/server/service_notices.h"
#include "engine/server/spool_start.h"
#include "engine/server/store_watch.h"
#include "engine/trace/trace.h"
#include "policy/budget/journal.h"
#include "policy/noticed/watch_journal.h"

namespace sluice::server {

class Server {
 public:
  explicit Server(std::string config_file) : config_file_(std::move(config_file)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Everything up to "accepting mail"; io::take_signals() comes before it.  The errors are sentences, for standard
  // error.
  std::expected<void, std::vector<std::string>> start();
  // Until it is asked to stop and everything has ended.  The exit status: 1 if something was left over.
  int run();

 private:
  struct Thread {
    std::uint32_t index = 0;
    int cpu = 0;
    event::Emitter* events = nullptr;
    Core* core = nullptr;  // set once it runs
    std::promise<std::expected<Core*, std::string>> ready;
    AsyncEvent control_closed;  // the core's
    Heartbeats beats;
    std::promise<void> ended;  // nothing runs on it any more; its ring is still there
    std::thread thread;
  };

  std::expected<void, std::vector<std::string>> bind();
  std::expected<int, std::string> open_control(const std::string& path, const std::string& group);
  std::expected<void, std::vector<std::string>> become_user();
  std::expected<void, std::string> open_log();
  std::expected<void, std::string> set_log_privacy(const config::Config& config);
  void set_log();
  std::expected<void, std::vector<std::string>> open_files();
  std::expected<void, std::vector<std::string>> open_queue();
  std::expected<void, std::vector<std::string>> open_budgets();
  void open_noticed();
  void open_orders();
  [[nodiscard]] std::string orders_file() const;
  void open_notifier();
  // server_monitoring.cc
  std::expected<void, std::vector<std::string>> bind_monitoring();
  std::expected<void, std::vector<std::string>> open_monitoring();
  [[nodiscard]] std::vector<metrics::Family> event_families();
  void look_at_certificates();
  void monitor_cores();
  void open_trace();
  void read_addresses();
  std::expected<void, std::vector<std::string>> start_cores();
  void run_core(Thread& thread, std::shared_ptr<const Plan> plan);
  void account(Thread& thread, const Core& core);
  void start_services();
  void start_control(Core& home);
  void hold_queued(const noticing::Notice& notice);
  bool release_noticed(const std::string& account);
  [[nodiscard]] UsageSources usage_sources() {
    return {.budgets = *budgets_, .watch = *watch_, .activities = *activities_, .decisions = decisions_};
  }
  void join_cluster(Core& home, const policy::ClusterOptions& options);
  std::vector<notify::Notifier::Tested> test_notifications();
  void watch_addresses(Core& home);
  void share_out_files();
  void watch_store(Core& home);
  io::Signal wait();
  Task<void> close_services();
  static Task<void> outlast_control(Thread& thread);
  Task<void> review_certificates();
  Reloaded reload();
  Reloaded reload_parts();
  void adopt(std::shared_ptr<const Plan> plan);
  std::expected<void, std::string> adopt_certificates(const config::Config& config);
  void reopen_log();
  std::shared_ptr<const Plan> current_plan();
  void core_drained();
  void core_settled();
  void join_threads();
  void watch_cores();
  std::vector<Core*> cores() const;

  std::string config_file_;
  ServiceNotices service_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<io::Clock> clock_;
  std::unique_ptr<io::Sockets> sockets_;
  std::unique_ptr<log::LogSink> sink_;
  std::unique_ptr<event::Dispatcher> dispatcher_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<metrics::EventMetrics> event_metrics_;     // null: there is no monitoring
  std::vector<std::unique_ptr<log::Forwarder>> forwarders_;  // of its lines, to syslog and the journal
  std::unique_ptr<io::Disk> trace_disk_;
  std::unique_ptr<trace::Trace> trace_;  // null: there is none
  std::unique_ptr<io::Random> notifier_random_;
  std::unique_ptr<notify::Notifier> notifier_;           // null: nobody is notified
  event::Emitter* events_ = nullptr;                     // the main thread's
  std::shared_ptr<tls::CertificateStore> certificates_;  // all cores'
  std::unique_ptr<io::Names> names_;
  std::unique_ptr<io::Disk> disk_;
  std::unique_ptr<io::Dns> dns_;
  OpenedSpool spool_;
  std::atomic<std::uint32_t> last_segment_{0};
  std::unique_ptr<auth::AccountStore> store_;
  std::vector<auth::ConfiguredBackend> backends_;
  auth::SharedShield shield_;
  std::shared_ptr<auth::RefusedLogins> refused_logins_;  // null: there is no grace time
  std::unique_ptr<io::Workers> workers_;
  std::unique_ptr<io::Workers> hash_threads_;
  std::unique_ptr<io::Workers> signing_threads_;
  std::unique_ptr<io::Workers> store_threads_;  // null: the store is a file
  std::unique_ptr<policy::Budgets> budgets_;
  std::unique_ptr<policy::Journal> journal_;  // of the budgets
  std::unique_ptr<noticing::AccountWatch> watch_;
  std::unique_ptr<noticing::WatchJournal> watch_journal_;
  std::vector<DestinationOrders::InForce> orders_;  // at the start
  DecisionLog decisions_;
  std::unique_ptr<SenderActivities> activities_;
  std::unique_ptr<Shared> shared_;
  BoundListeners bound_;
  ControlSockets control_sockets_;
  int address_notices_ = -1;                // -1: there is no such socket
  mx::MachineAddresses machine_addresses_;  // at the start
  std::uint64_t files_max_ = 0;
  std::uint64_t files_open_ = 0;  // before the first client
  std::vector<std::unique_ptr<Thread>> threads_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<AddressWatch> address_watch_;
  std::unique_ptr<StoreWatch> store_watch_;  // null until the services start
  std::atomic<std::size_t> drained_{0};
  AsyncEvent all_drained_;  // the first core's
  std::atomic<std::size_t> settled_{0};
  std::atomic<bool> left_over_{false};
  std::promise<void> no_workers_;  // a worker that has posted to a core wakes its ring after that
  std::shared_future<void> workers_gone_{no_workers_.get_future()};
  std::mutex reloading_;  // over plan_ and certificates_ once the cores run
  std::vector<int> monitoring_sockets_;
  CertificateWatch certificate_watch_;  // the monitoring thread's
  std::unique_ptr<DomainWatch> domain_watch_;
  std::unique_ptr<Monitoring> monitoring_;  // null: there is no monitoring; goes first, as it asks the others
};

// Of the credential caches of all relays that share a key.
[[nodiscard]] std::array<std::byte, auth::kCacheKeyBytes> cluster_cache_key(const policy::ClusterOptions& options);

// What came of a reload, as events of the thread that asks.
void emit_reload(event::Emitter& events, const Reloaded& done);

}  // namespace sluice::server
