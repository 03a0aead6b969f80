#include "engine/server/server.h"

#include <algorithm>
#include <future>
#include <utility>

#include "auth/backend/kinds.h"
#include "auth/backend/store_server.h"
#include "auth/store/argon2_hash.h"
#include "auth/store/shared_store.h"
#include "engine/io/files.h"
#include "engine/io/interfaces.h"
#include "engine/io/local_socket.h"
#include "engine/io/process.h"
#include "engine/io/real_dns.h"
#include "engine/io/real_platform.h"
#include "engine/io/real_ring.h"
#include "engine/server/certificates_of.h"
#include "engine/server/listening.h"
#include "engine/server/plan_file.h"
#include "engine/server/usage.h"

namespace sluice::server {
namespace {

constexpr std::size_t kCustomersCompared = 10'000;  // with a name that is none's
constexpr std::size_t kAccountsCompared = 2'000;    // likewise, before it and behind it
constexpr std::size_t kJobsWaitingMax = 4096;
// After the last password hash of a thread, its memory (auth::kHashMemoryKeptMax).
constexpr Duration kHashMemoryKept = std::chrono::seconds(30);
constexpr std::size_t kWaitingPerThread = 64;  // for a server that has the accounts
constexpr Duration kLongestWait = std::chrono::hours(24);

bool has_accounts_elsewhere(const config::Config& config) {
  return config.oauth || std::ranges::any_of(config.backends, [](const auth::BackendOptions& backend) {
           return backend.kind != "store";
         });
}

std::unexpected<std::vector<std::string>> failed(std::string error) {
  return std::unexpected(std::vector<std::string>{std::move(error)});
}

}  // namespace

// ------------------------------------------------------------------------------------------ starting

std::expected<void, std::vector<std::string>> Server::start() {
  auto plan = load_plan(config_file_);
  if (!plan) return std::unexpected(plan.error());
  plan_ = *std::move(plan);
  files_max_ = io::raise_file_limit();
  clock_ = io::make_real_clock();
  sockets_ = io::make_real_sockets();
  disk_ = io::make_real_disk();
  names_ = io::make_real_names();
  if (auto done = bind(); !done) return done;
  if (auto done = become_user(); !done) return done;
  if (auto done = open_files(); !done) return done;
  if (auto done = open_monitoring(); !done) return done;
  service_.starting("Reading the spool");
  if (auto done = open_queue(); !done) return done;
  if (auto done = open_budgets(); !done) return done;
  open_noticed();
  open_orders();
  read_addresses();
  if (auto done = start_cores(); !done) return done;
  // What it took to find a million messages again is not kept for the time when there are none.
  io::give_memory_back();
  start_services();
  return {};
}

std::expected<void, std::vector<std::string>> Server::bind() {
  const config::ServerConfig& server = plan_->config.server;
  const std::vector<int> cpus = io::allowed_cpus();
  const std::size_t count = server.cores == 0 ? cpus.size() : server.cores;
  std::vector<std::string> errors;
  if (auto bound = bind_listeners(*sockets_, plan_->listeners, count)) {
    bound_ = *std::move(bound);
  } else {
    errors = std::move(bound.error());
  }
  if (auto opened = open_control(server.control, server.group)) {
    control_sockets_.operators = *opened;
  } else {
    errors.push_back("server.control: " + opened.error());
  }
  if (!server.support_control.empty()) {
    const std::string& group = server.support_group.empty() ? server.group : server.support_group;
    if (auto opened = open_control(server.support_control, group)) {
      control_sockets_.support = *opened;
    } else {
      errors.push_back("server.support_control: " + opened.error());
    }
  }
  if (auto bound = bind_monitoring(); !bound) errors.insert(errors.end(), bound.error().begin(), bound.error().end());
  if (!errors.empty()) return std::unexpected(std::move(errors));
  for (std::size_t i = 0; i < count; ++i) {
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->index = static_cast<std::uint32_t>(i);
    threads_.back()->cpu = cpus[i % cpus.size()];
  }
  return {};
}

// A control socket, which server.user and the group may use.
std::expected<int, std::string> Server::open_control(const std::string& path, const std::string& group) {
  const std::string& user = plan_->config.server.user;
  const auto directory = path.substr(0, path.rfind('/'));
  if (auto made = io::make_directory_for(directory, user, group); !made) return std::unexpected(made.error());
  if (!group.empty())
    if (auto given = io::give_directory_to_group(directory, user, group); !given) return std::unexpected(given.error());
  auto socket = io::listen_local(path);
  if (!socket) return socket;
  if (auto given = io::give_file_to(path, user, group); !given) return std::unexpected(given.error());
  return socket;
}

std::expected<void, std::vector<std::string>> Server::become_user() {
  const config::ServerConfig& server = plan_->config.server;
  if (auto made = io::make_directory_for(server.state_dir, server.user, server.group); !made)
    return failed("server.state_dir: " + made.error());
  if (!io::running_as_root()) return {};
  if (auto dropped = io::drop_privileges(server.user, server.group); !dropped)
    return failed("server.user: " + dropped.error());
  return {};
}

std::expected<void, std::vector<std::string>> Server::open_files() {
  const config::Config& config = plan_->config;
  if (auto opened = open_log(); !opened) return failed(opened.error());
  dispatcher_->add(decisions_, DecisionLog::kLeast);
  activities_ = std::make_unique<SenderActivities>(*clock_);
  dispatcher_->add(*activities_, SenderActivities::kLeast);
  open_trace();
  open_notifier();
  events_ = &dispatcher_->open();
  domain_watch_ = std::make_unique<DomainWatch>(*clock_, dispatcher_->open());
  const auto address = auth::store_address_of(config.store.accounts, config.store.server);
  if (!address) return failed(config.store.key() + ": " + address.error());
  auto store = auth::open_account_store(*address);
  if (!store) return failed(config.store.key() + ": " + store.error().what);
  store_ = *std::move(store);
  store_->set_scram_iterations(scram_iterations(config));
  auto backends = auth::open_backends(config.backends, config.oauth);
  if (!backends) return std::unexpected(std::move(backends.error()));
  backends_ = *std::move(backends);
  if (auto fine = check_plan(*plan_); !fine) return std::unexpected(fine.error());
  certificates_ = open_certificates(plan_->config.tls.certificates, *clock_, dispatcher_->open());
  certificates_->set_options(certificate_options(plan_->config));
  const bool any_tls = std::ranges::any_of(plan_->listeners, &ListenerPlan::uses_tls);
  if (!any_tls) return {};
  if (auto fine = certificates_->check_default(); !fine) return failed("tls.default_host: " + fine.error());
  return {};
}

// The name service, and what earlier processes have left in the spool.
std::expected<void, std::vector<std::string>> Server::open_queue() {
  auto made = io::make_real_dns(dns_options(plan_->config.dns));
  if (!made) return failed("dns: " + made.error());
  dns_ = *std::move(made);
  const auto note = [this](const std::string& what) { events_->emit(event::SpoolFault{.what = what}); };
  auto opened = open_spool(*disk_, *plan_, threads_.size(), note);
  if (!opened) return failed(opened.error());
  spool_ = *std::move(opened);
  last_segment_ = spool_.last_segment;
  const bool synced = plan_->config.spool.durability == config::SpoolDurability::synced;
  events_->emit(
      event::SpoolOpened{.directory = plan_->config.spool.directory,
                         .durability = synced ? "synced: on the disk before a 250"
                                              : "unsynced: a power loss loses mail that was answered with 250",
                         .messages = spool_.counts.messages,
                         .segments = spool_.counts.segments,
                         .damaged = spool_.counts.damaged + spool_.counts.lost_pieces,
                         .cut_short = spool_.counts.cut_short},
      synced ? event::Severity::info : event::Severity::warning);
  return {};
}

// Notices first: what changes in between is asked for again.
void Server::read_addresses() {
  if (const auto notices = io::open_address_notices()) {
    address_notices_ = *notices;
  } else {
    events_->emit(event::OwnAddresses{.error = notices.error(),
                                      .then = "addresses that this machine gets from now on are not known as its own",
                                      .remedy = "allow the relay sockets of AF_NETLINK (RestrictAddressFamilies=)"},
                  event::Severity::warning);
  }
  machine_addresses_ = std::make_shared<const std::vector<io::Address>>(io::machine_addresses());
}

std::expected<void, std::vector<std::string>> Server::start_cores() {
  const auto random = io::make_real_random();
  if (plan_->config.store.grace > Duration::zero()) refused_logins_ = std::make_shared<auth::RefusedLogins>();
  shield_.set_limits(shield_limits(plan_->config), plan_->config.limits.ipv6_prefix);
  workers_ = io::make_real_workers(plan_->config.server.workers, kJobsWaitingMax);
  hash_threads_ = io::make_real_workers(plan_->config.store.hash_threads, kJobsWaitingMax, io::WorkerPriority::low,
                                        {.after = kHashMemoryKept, .call = &auth::release_hash_memory});
  // What waits for them is bounded by the cores (signing::Signer::kSigningMax).  Where they share a CPU with a core,
  // mail that is not signed would wait for theirs.
  signing_threads_ = io::make_real_workers(plan_->config.dkim.threads, signing::Signer::kSigningMax * threads_.size(),
                                           io::WorkerPriority::low);
  if (const auth::BackendOptions& shared = plan_->config.store.server; !shared.servers.empty())
    store_threads_ = io::make_real_workers(shared.connections, kWaitingPerThread * shared.connections);
  // Where it cannot be read now, the store is watched, and tells.
  const auto contained = store_->contained();
  shared_ =
      std::make_unique<Shared>(Shared{.store = *store_,
                                      .backends = backends_,
                                      .shield = shield_,
                                      .hash_threads = *hash_threads_,
                                      .store_threads = store_threads_.get(),
                                      .signing_threads = *signing_threads_,
                                      .names = *names_,
                                      .dns = *dns_,
                                      .budgets = *budgets_,
                                      .watch = *watch_,
                                      .last_segment = last_segment_,
                                      .cache_key = {},
                                      .ticket_secret = tls::make_ticket_secret(*random),
                                      .contained = contained.value_or(auth::Contained()).networks,
                                      .account_held = [this](const noticing::Notice& notice) { hold_queued(notice); }});
  random->fill(shared_->cache_key);
  if (plan_->cluster && !plan_->cluster->key.empty()) shared_->cache_key = cluster_cache_key(*plan_->cluster);
  // The store is asked once before any check, so that no change is missed.
  dispatcher_->start();
  if (trace_ != nullptr) trace_->start();
  journal_->start();
  watch_journal_->start();
  for (auto& thread : threads_) {
    thread->events = &dispatcher_->open();
    thread->thread = std::thread([this, &thread = *thread, plan = plan_] { run_core(thread, plan); });
  }
  std::vector<std::string> errors;
  for (auto& thread : threads_) {
    auto ready = thread->ready.get_future().get();
    if (ready) {
      thread->core = *ready;
    } else {
      errors.push_back("core " + std::to_string(thread->index) + ": " + ready.error());
    }
  }
  if (errors.empty()) return {};
  for (auto& thread : threads_)
    if (thread->core != nullptr) {
      Core* core = thread->core;
      core->post([core] { core->drain(Duration::zero()); });
    } else {
      core_settled();
    }
  join_threads();
  dispatcher_->stop();
  return std::unexpected(std::move(errors));
}

// The whole life of a core's thread.
void Server::run_core(Thread& thread, std::shared_ptr<const Plan> plan) {
  io::pin_thread(thread.cpu, ("core-" + std::to_string(thread.index)).c_str());
  const io::LoopLimits limits;
  auto ring = io::make_real_ring({.buffers = limits.buffers});
  if (!ring) {
    thread.ready.set_value(std::unexpected(ring.error()));
    thread.ended.set_value();
    return;
  }
  const auto clock = io::make_real_clock();
  const auto random = io::make_real_random();
  const io::Platform platform{**ring, *sockets_, *clock, *random, *workers_, *disk_};
  {
    const config::StoreConfig& store = plan->config.store;
    Core core(platform, *shared_, *thread.events,
              {.index = thread.index,
               .limits = limits,
               .cache = {.granted_max = store.cached_logins,
                         .refused_max = std::max<std::size_t>(store.cached_logins / 4, 8),
                         .granted_ttl = store.granted_ttl,
                         .refused_ttl = store.refused_ttl,
                         .grace = store.grace,
                         .refused = refused_logins_},
               .sockets = std::move(bound_.of_cores[thread.index]),
               .spool = spool_options(plan->config.spool),
               .spool_share = std::move(spool_.shares[thread.index].share),
               .queue = queue_options(*plan, thread.index),
               .machine_addresses = machine_addresses_,
               .last_id = spool_.last_id,
               .orders = std::make_shared<const DestinationOrders>(orders_),
               .drained = [this] { core_drained(); },
               .settled = [this] { core_settled(); }});
    if (auto adopted = core.adopt(std::move(plan), certificates_); !adopted) {
      core.give_up();
      thread.ready.set_value(std::unexpected(adopted.error()));
      thread.ended.set_value();
      workers_gone_.wait();
      return;
    }
    for (const relay::Restored& restored : std::exchange(spool_.shares[thread.index].restored, {}))
      core.restore(restored, spool_.customers[restored.customer], spool_.destinations[restored.destination]);
    io::give_memory_back();
    thread.ready.set_value(&core);
    {
      const Heart heart(core.loop(), thread.beats, service_.beat_every());
      core.run();
    }
    account(thread, core);
  }
  thread.ended.set_value();
  workers_gone_.wait();
}

std::shared_ptr<const Plan> Server::current_plan() {
  const std::lock_guard lock(reloading_);
  return plan_;
}

std::vector<Core*> Server::cores() const {
  std::vector<Core*> all;
  for (const auto& thread : threads_)
    if (thread->core != nullptr) all.push_back(thread->core);
  return all;
}

// ------------------------------------------------------------------------------------------ running

void Server::start_services() {
  if (notifier_ != nullptr) notifier_->start();
  Core* home = threads_.front()->core;
  for (const auto& thread : threads_)
    thread->core->post([&thread = *thread] { thread.core->services().add(outlast_control(thread)); });
  monitor_cores();
  watch_store(*home);
  domain_watch_->follow(plan_->upkeep, *dns_);
  home->post([this, home, asks = auth::tells_some_mailboxes(plan_->config.backends), cluster = plan_->cluster] {
    start_control(*home);
    watch_addresses(*home);
    home->tasks().add(store_watch_->run());
    if (cluster) join_cluster(*home, *cluster);
    if (asks) home->watch_mailboxes();
    home->services().add(close_services());
    home->tasks().add(review_certificates());
  });
  for (const ListenerPlan& listener : plan_->listeners)
    for (const io::Address& address : listener.addresses)
      events_->emit(event::Listening{.address = address.to_string()});
  files_open_ = io::open_files();
  share_out_files();
  events_->emit(event::Started{
      .hostname = plan_->config.server.hostname, .cores = threads_.size(), .queued = spool_.counts.messages});
  service_.ready(clock_->now(), threads_.size(), spool_.counts.messages);
}

void Server::start_control(Core& home) {
  control_ = std::make_unique<Control>(
      home, cores(), std::exchange(control_sockets_, {}),
      ControlActions{
          .reload = [this] { return reload(); },
          .reloaded = [this](const Reloaded& done) { emit_reload(*threads_.front()->events, done); },
          .stop = [] { io::raise_stop(); },
          .operators_socket = plan_->config.server.control,
          .has_customer = [this](const std::string& name) { return store_->has_customer(name); },
          .customers = [this] { return store_->customer_names(kCustomersCompared); },
          .accounts_about =
              [this](const std::string& name) { return store_->account_names_about(name, kAccountsCompared); },
          .accounts_elsewhere = [this] { return has_accounts_elsewhere(current_plan()->config); },
          .routes =
              [this] {
                std::vector<std::string> names;
                for (const route::Route& route : current_plan()->routes) names.push_back(route.name);
                return names;
              },
          .list_shield = [this](Instant now) { return shield_.list(now, control::kShieldRowsMax); },
          .release_shield = [this](const std::string& subject) { return shield_.release(subject); },
          .usage_meters =
              [this](const control::UsageRequest& request) {
                return usage_meters(usage_sources(), request, clock_->now());
              },
          .usage =
              [this](const control::UsageRequest& request, const UsageReadings& readings) {
                return find_usage(usage_sources(), readings, request, clock_->now());
              },
          .explain = [this](const std::string& id) { return decisions_.find(id); },
          .release_noticed = [this](const std::string& account) { return release_noticed(auth::login_key(account)); },
          .noticed = [this](const std::string& account, Instant now) { return noticed_account(*watch_, account, now); },
          .test_notifications = [this] { return test_notifications(); },
          .released =
              [this](const std::string& subject, std::size_t entries) {
                threads_.front()->events->emit(event::ShieldReleased{
                    .subject = subject.empty() ? "all" : std::string_view(subject), .entries = entries});
              },
          .contained = [this] { return store_->contained(); },
          .events = threads_.front()->events,
          .orders_file = orders_file(),
          .orders = orders_});
  control_->start();
}

void Server::watch_addresses(Core& home) {
  if (address_notices_ < 0) return;
  address_watch_ =
      std::make_unique<AddressWatch>(home.loop(), std::exchange(address_notices_, -1), *threads_.front()->events,
                                     machine_addresses_, [this](const mx::MachineAddresses& now) {
                                       for (Core* core : cores())
                                         core->post([core, now] { core->set_machine_addresses(now); });
                                     });
  home.services().add(address_watch_->run());
}

void Server::watch_store(Core& home) {
  io::Workers& workers = store_threads_ != nullptr ? *store_threads_ : *workers_;
  store_watch_ = std::make_unique<StoreWatch>(home.loop(), *store_, workers, *threads_.front()->events,
                                              [this](const auth::Changes& changes) {
                                                const auto shared = std::make_shared<const auth::Changes>(changes);
                                                for (Core* core : cores())
                                                  core->post([core, shared] { core->forget_credentials(*shared); });
                                              });
  store_watch_->set_scram_alone(scram_alone_listeners(*plan_));
}

// The main thread has nothing else to do than to wait for signals and notices of the store, and to watch the cores.
io::Signal Server::wait() {
  for (;;) {
    const Instant now = clock_->now();
    watch_cores();
    const Duration until_watch = std::min(service_.until_watch(now), kLongestWait);
    if (store_watch_ != nullptr) store_watch_->due(now);
    const io::Signal woken =
        store_watch_ == nullptr
            ? io::wait_signal(-1, until_watch)
            : io::wait_signal(store_watch_->notices(), std::min(store_watch_->next_look() - now, until_watch));
    if (woken == io::Signal::notice) {
      store_watch_->noticed(clock_->now());
    } else if (woken != io::Signal::none) {
      return woken;
    }
  }
}

int Server::run() {
  for (;;) {
    const io::Signal signal = wait();
    if (signal == io::Signal::stop) break;
    if (signal == io::Signal::reload) {
      emit_reload(*events_, reload());
    } else {
      reopen_log();
    }
  }
  bound_.claims.clear();
  const Duration timeout = current_plan()->config.server.drain;
  service_.stopping(timeout);
  if (monitoring_ != nullptr) monitoring_->begin_drain();
  events_->emit(event::Draining{.timeout_ms = timeout});
  if (notifier_ != nullptr) notifier_->end_tests();
  if (store_watch_ != nullptr) threads_.front()->core->post([this] { store_watch_->stop(); });
  for (Core* core : cores()) core->post([core, timeout] { core->drain(timeout); });
  if (store_watch_ != nullptr) store_watch_->end_notices();
  join_threads();
  if (monitoring_ != nullptr) monitoring_->stop();
  control_ = nullptr;
  spool_.directory->leave();
  if (notifier_ != nullptr) notifier_->stop();
  events_->emit(event::Stopped{.accounted = !left_over_.load()});
  dispatcher_->stop();
  if (trace_ != nullptr) trace_->stop();
  return left_over_ ? 1 : 0;
}

}  // namespace sluice::server
