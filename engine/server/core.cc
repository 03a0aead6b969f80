#include "engine/server/core.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "auth/text.h"

namespace sluice::server {
namespace {

constexpr Duration kCutOffAgain = std::chrono::milliseconds(100);
constexpr Duration kSweepAgain = std::chrono::milliseconds(500);

// Once outgoing connections were cut off: for what waited for them to be answered, and for the answers to be read.
constexpr Duration kLastWords = std::chrono::seconds(3);

bool has(const auto& values, const auto& value) { return std::ranges::find(values, value) != values.end(); }

// Which sessions a request of sluicectl is about.
class SessionMatch {
 public:
  explicit SessionMatch(const control::SessionsRequest& request)
      : account_(auth::login_key(request.account)), customer_(request.customer) {
    if (!request.address.empty()) network_ = *Network::parse(request.address);
  }
  [[nodiscard]] bool operator()(const session::Session& session) const {
    if (network_ && !network_->contains(session.connection().peer().ip_bytes())) return false;
    if (account_.empty() && customer_.empty()) return true;
    const auth::Identity* const identity = session.identity();
    return identity != nullptr && (account_.empty() || account_ == identity->account_name) &&
           (customer_.empty() || auth::equal_ignoring_case(customer_, identity->customer_name));
  }

 private:
  std::string account_;
  const std::string& customer_;
  std::optional<Network> network_;
};

}  // namespace

// One session and what it lives by.
struct Core::Live {
  Live(std::uint64_t number, Generation& by, std::shared_ptr<const session::ListenerRules> rules,
       std::unique_ptr<net::Connection> connection)
      : id(number), generation(by), session(by.services(), std::move(rules), std::move(connection)) {}

  std::uint64_t id;
  Generation& generation;
  session::Session session;
  const PromiseBase* task = nullptr;
};

Core::Core(io::Platform platform, const Shared& shared, event::Emitter& events, Options options)
    : options_(std::move(options)),
      loop_(platform, options_.limits),
      resolver_(loop_, shared.names, shared.dns),
      dialer_(loop_),
      outgoing_(1, [this](std::uint32_t most) { observer_.outgoing_used_up(most); }),
      host_memory_([&events](std::string_view host, hop::Lack lack, std::string_view why) {
        events.emit(event::NextHopAvoided{.host = host, .avoided = hop::lack_text(lack), .reason = why});
      }),
      signing_threads_(shared.signing_threads),
      tickets_(shared.ticket_secret, platform.clock, platform.random),
      events_(events),
      backends_(
          shared.backends,
          {.loop = loop_,
           .resolver = resolver_,
           .dialer = dialer_,
           .store = shared.store,
           .hash_threads = shared.hash_threads,
           .store_threads = shared.store_threads},
          [&events](std::string_view backend, std::string_view why) {
            if (why.empty()) {
              events.emit(event::BackendBack{.backend = backend});
            } else {
              events.emit(event::BackendSuspended{.backend = backend, .reason = why});
            }
          },
          [&events](std::string_view backend, std::string_view what) {
            events.emit(event::BackendWarning{.backend = backend, .reason = what});
          }),
      authenticator_(loop_, shared.shield, backends_, shared.cache_key, options_.cache,
                     [&events](const auth::ShieldEntry& reached) { emit_shield_raised(events, reached); }),
      mailbox_watch_(loop_, shared.store, backends_,
                     [&events](std::string_view account, std::size_t devices) {
                       events.emit(event::MailboxGone{.account = account, .devices = devices});
                     }),
      observer_(events, loop_),
      watch_(shared.watch),
      delivery_observer_(observer_, shared.watch, loop_),
      budget_({.loop = loop_,
               .shared = shared.budgets.shared,
               .cores = shared.budgets.cores,
               .clock = shared.budgets.clock,
               .core = options_.index,
               .upper = shared.budgets.upper.get()}),
      budgets_(shared.budgets),
      ids_(platform.clock, options_.index),
      dns_(shared.dns),
      spool_(loop_, shared.last_segment, options_.spool, std::move(options_.spool_share),
             [&events](const std::string& what) { events.emit(event::SpoolFault{.what = what}); }),
      queue_({.loop = loop_,
              .spool = spool_,
              .router = [this]() -> relay::Router& { return current_->router(); },
              .next_id = [this] { return ids_.number(); },
              .observer = delivery_observer_},
             options_.queue),
      oldest_(queue_.schedule()) {
  ids_.stay_above(options_.last_id);
  admission_.set_contained(shared.contained);
  observer_.on_held(shared.account_held);
  observer_.set_login_sources(auth::source_names(backends_.counters()));
  set_orders(options_.orders);
}

Core::~Core() { CHECK(live_.empty() && current_ == nullptr && retired_.empty()); }

std::expected<void, std::string> Core::adopt(std::shared_ptr<const Plan> plan,
                                             std::shared_ptr<tls::CertificateStore> certificates) {
  auto made = Generation::make(loop_, std::move(plan), parts(std::move(certificates)));
  if (!made) return std::unexpected(made.error());
  if (auto old = std::exchange(current_, *std::move(made))) {
    const bool changed = !current_->plan().classes->has_limits_of(*old->plan().classes);
    for (Live& live : live_) live.session.set_classes(current_->plan().classes, current_->services().limits, changed);
    queue_.set_options(queue_options(current_->plan(), options_.index));
    next_hop_totals_.restart();
    retire(std::move(old));
  }
  apply_limits();
  if (current_->plan().needs_spool || spool_.messages() > 0) start_spool();
  return {};
}

Generation::Parts Core::parts(std::shared_ptr<tls::CertificateStore> certificates) {
  return {.resolver = resolver_,
          .dialer = dialer_,
          .outgoing = outgoing_,
          .host_memory = host_memory_,
          .hop_counters = hop_counters_,
          .signing_counters = signing_counters_,
          .signing_threads = signing_threads_,
          .dns = dns_,
          .tickets = tickets_,
          .certificates = std::move(certificates),
          .authenticator = authenticator_,
          .observer = observer_,
          .limits_observer = observer_,
          .budget = budget_,
          .watch = watch_,
          .ids = ids_,
          .counters = counters_,
          .admission = admission_,
          .spool = spool_,
          .queue = queue_,
          .message_memory = message_memory_,
          .machine_addresses = options_.machine_addresses};
}

void Core::start_spool() {
  if (std::exchange(spool_started_, true)) return;
  spool_.on_settled([this] { spool_settled_.set(); });
  spool_.start();
}

void Core::run() {
  begin();
  loop_.run([this] { return settled(); });
  finish();
}

void Core::begin() {
  for (const BoundSocket& bound : options_.sockets) {
    listeners_.push_back(std::make_unique<net::Listener>(
        loop_, bound.socket, [this, listener = bound.listener](int socket) { accepted(listener, socket); },
        [this, listener = bound.listener](int error) { accept_failed(listener, error); }));
  }
  tasks_.add(open_listeners());
  queue_.run();
}

void Core::finish() {
  CHECK(settled_);
  current_ = nullptr;
  listeners_.clear();
}

// Not before it is known whether what is accepted can be kept: until then clients wait, and none gets 452.
Task<void> Core::open_listeners() {
  while (spool_started_ && !spool_.settled() && !draining_) co_await spool_settled_.wait("the spool's first segment");
  if (draining_) co_return;
  for (auto& listener : listeners_) listener->start();
}

void Core::give_up() {
  CHECK(!spool_started_);
  for (const BoundSocket& bound : options_.sockets) loop_.platform().sockets.close(bound.socket);
  current_ = nullptr;
}

CoreLeftOver Core::left_over() const {
  return {.frames = task_frames_live(),
          .heap_blocks = heap_blocks_live(),
          .buffers = loop_.buffers().in_use(),
          .operations = loop_.operations_live()};
}

// ------------------------------------------------------------------------------------------ sessions

void Core::accepted(std::size_t listener, int socket) {
  const io::Address peer = loop_.platform().sockets.peer(socket);
  live_.emplace_front(next_session_++, *current_, current_->rules(listener),
                      std::make_unique<net::Connection>(loop_, socket, peer));
  ++current_->sessions;
  const auto live = live_.begin();
  if (const PromiseBase* task = tasks_.add(serve(live))) live->task = task;
}

std::uint32_t Core::sessions_max() const {
  return std::min(current_->plan().config.limits.sessions_per_core, file_limits_.sessions_per_core);
}

void Core::apply_limits() {
  const config::LimitsConfig& limits = current_->plan().config.limits;
  admission_.set_limits({.sessions = sessions_max(),
                         .sessions_per_address = limits.sessions_per_address,
                         .handshakes = limits.handshakes_per_core,
                         .handshakes_per_address = limits.handshakes_per_address,
                         .ipv6_bits = limits.ipv6_prefix});
  observer_.set_ipv6_bits(limits.ipv6_prefix);
  message_memory_.set_most(current_->plan().config.spool.memory_per_core_bytes);
  outgoing_.set_most(std::min(limits.outgoing_per_core, file_limits_.outgoing_per_core));
}

void Core::watch_mailboxes() { tasks_.add(mailbox_watch_.run()); }

void Core::join_cluster(const policy::ClusterOptions& options, auth::SharedShield& shield,
                        std::function<void(const std::string&, const std::string&)> hold_queued) {
  cluster_ = std::make_unique<Cluster>(
      policy::ClusterParts{.loop = loop_, .resolver = resolver_, .dialer = dialer_}, options,
      Cluster::SharedParts{
          .budgets = budgets_,
          .shield = shield,
          .watch = watch_,
          .watched_class = [this](std::string_view name) { return current_->plan().classes->watched_class(name); },
          .hold_queued = std::move(hold_queued)},
      events_, options_.index);
  cluster_->start();
}

void Core::publish_step(const std::string& account, noticing::Step step, Duration lasts, const std::string& reasons) {
  if (cluster_ != nullptr) cluster_->publish(account, step, lasts, reasons);
}

void Core::set_orders(const DestinationOrders::Snapshot& orders) {
  host_memory_.set_orders(orders);
  queue_.set_orders(orders);
}

void Core::set_file_limits(const FileLimits& limits) {
  file_limits_ = limits;
  apply_limits();
}

void Core::set_machine_addresses(mx::MachineAddresses addresses) {
  options_.machine_addresses = std::move(addresses);
  current_->router().set_machine_addresses(options_.machine_addresses);
  for (auto& generation : retired_) generation->router().set_machine_addresses(options_.machine_addresses);
}

void Core::accept_failed(std::size_t listener, int error) {
  ++accepts_failed_;
  observer_.accept_failed(current_->rules(listener)->name, error);
}

Task<void> Core::serve(std::list<Live>::iterator live) {
  co_await live->session.run();
  const bool last = --live->generation.sessions == 0;
  for (SessionWalk* const walk : session_walks_)
    if (walk->at_ == live) ++walk->at_;
  live_.erase(live);
  if (last) sweep_retired();
}

void Core::forget_credentials(const auth::Changes& changes) {
  authenticator_.forget(changes);
  if (changes.networks) admission_.set_contained(*changes.networks);
  for (Live& live : live_) {
    if (changes.networks && admission_.is_contained(live.session.connection().peer())) live.session.contain();
    const auth::Identity* identity = live.session.identity();
    if (identity == nullptr) continue;
    // A client may log in between a change and the moment when this core hears of it.
    const bool known = identity->known_change != 0 && identity->known_change >= changes.upto;
    const bool named = has(changes.customers, identity->customer_id) || has(changes.accounts, identity->account_name);
    const bool changed = changes.everything || (named && !known);
    if (changed) live.session.end_soon(session::EndReason::account_changed);
  }
}

Core::ContainedSessions Core::contain(const control::ContainmentRequest& request, bool first,
                                      const std::optional<std::vector<Network>>& networks) {
  using Kind = control::ContainmentRequest::Kind;
  if (first) {
    auth::Changes changes;
    if (request.kind == Kind::account) changes.accounts.push_back(auth::login_key(request.subject));
    // What is remembered goes by the customer's number, which only the store knows.
    changes.everything = request.kind == Kind::customer;
    authenticator_.forget(changes);
    if (networks) admission_.set_contained(*networks);
  }
  ContainedSessions met;
  const control::SessionsRequest sessions = control::sessions_of(request);
  const SessionMatch match(sessions);
  for (Live& live : live_) {
    if (!match(live.session) || live.session.is_over()) continue;
    ++met.left;
    met.asked += live.session.is_contained() || !request.ends_sessions() ? 0 : 1;
    if (request.ends_sessions()) {
      live.session.contain();
    } else if (request.kind != Kind::network) {
      live.session.end_soon(session::EndReason::account_changed);
    }
  }
  return met;
}

// ------------------------------------------------------------------------------------------ generations

void Core::retire(std::unique_ptr<Generation> old) {
  retired_.push_back(std::move(old));
  sweep_retired();
}

void Core::sweep_retired() {
  std::vector<std::unique_ptr<Generation>> unused;
  for (auto& generation : retired_)
    if (generation->unused()) unused.push_back(std::move(generation));
  std::erase(retired_, nullptr);
  for (auto& generation : unused) old_generations_.add(close_generation(std::move(generation)));
  // A delivery that still goes by one says nothing when it ends: looked at again.
  const bool delivering = std::ranges::any_of(retired_, [](const auto& old) { return old->sessions == 0; });
  if (delivering) loop_.timers().arm(sweep_, loop_.now() + kSweepAgain);
}

void Core::on_sweep(void* self) { static_cast<Core*>(self)->sweep_retired(); }

Task<void> Core::close_generation(std::unique_ptr<Generation> old) { co_await old->close(); }

// ------------------------------------------------------------------------------------------ the end

void Core::drain(Duration timeout) {
  if (std::exchange(draining_, true)) return;
  for (Live& live : live_) live.session.drain();
  queue_.stop();
  mailbox_watch_.stop();
  loop_.timers().arm(cut_off_, loop_.now() + timeout);
  abort_at_ = later(loop_.now() + timeout, kLastWords);
  spool_settled_.set();
  ending_.add(end());
}

Task<void> Core::end() {
  for (auto& listener : listeners_) co_await listener->close();
  co_await tasks_.join("sessions to end");
  co_await backends_.close();
  co_await queue_.close();
  options_.drained();
  co_await services_.join("the control socket");
  sweep_retired();
  co_await current_->close();
  co_await old_generations_.join("old generations");
  loop_.timers().disarm(sweep_);
  co_await spool_.close();
  loop_.timers().disarm(cut_off_);
  budget_.close();
  if (cluster_ != nullptr) co_await cluster_->close();
  observer_.close();
  settled_ = true;
  options_.settled();
}

// Again and again: what was asked to end may begin something else on its way out.
void Core::cut_off(void* context) {
  auto& self = *static_cast<Core*>(context);
  self.current_->router().stop();
  for (auto& generation : self.retired_) generation->router().stop();
  self.loop_.abort_outgoing();
  for (Live& live : self.live_) live.session.cut_off();
  if (self.loop_.now() >= self.abort_at_) self.loop_.abort_all();
  self.loop_.timers().arm(self.cut_off_, self.loop_.now() + kCutOffAgain);
}

// ------------------------------------------------------------------------------------------ sessions shown, and ended

control::SessionStatus Core::session_status(const Live& live) const {
  const session::Session& session = live.session;
  const auth::Identity* const identity = session.identity();
  const net::Connection& connection = session.connection();
  const auto age = loop_.now() - session.since();
  return {.id = live.id,
          .client = connection.peer().to_string(),
          .listener = session.rules().name,
          .customer = identity != nullptr ? identity->customer_name : "",
          .account = identity != nullptr ? identity->account_name : "",
          .tls = connection.tls() != nullptr ? connection.tls()->version() : "",
          .waits_for = live.task != nullptr ? live.task->whereabouts() : "",
          .seconds = static_cast<std::uint64_t>(age / std::chrono::seconds(1)),
          .bytes_received = connection.counters().bytes_received,
          .messages = session.messages(),
          .in_transaction = session.in_transaction()};
}

control::CoreSessions Core::end_sessions(const control::SessionsRequest& request) {
  const SessionMatch match(request);
  control::CoreSessions met{.core = options_.index, .sessions = {}};
  for (Live& live : live_) {
    if (!match(live.session) || live.session.is_ending()) continue;
    ++met.met;
    live.session.end_soon(session::EndReason::ended_by_operator);
  }
  return met;
}

Core::SessionWalk::SessionWalk(Core& core) : core_(core), at_(core.live_.begin()) {
  core.session_walks_.push_back(this);
}

Core::SessionWalk::~SessionWalk() { std::erase(core_.session_walks_, this); }

control::CoreSessions Core::SessionWalk::next(const control::SessionsRequest& request) {
  const SessionMatch match(request);
  control::CoreSessions page{.core = core_.options_.index, .sessions = {}};
  for (std::size_t i = 0; i < control::kSessionsPage && at_ != core_.live_.end(); ++i, ++at_) {
    if (!match(at_->session)) continue;
    ++page.met;
    page.sessions.push_back(core_.session_status(*at_));
  }
  page.over = at_ == core_.live_.end();
  return page;
}

}  // namespace sluice::server
